// Package packaging holds what the packages are made from: units, files of
// settings, manual pages and maintainer scripts. packaging/build makes deb and
// rpm of it, packaging/installed proves them. It has tests only: they hold the
// files to the programs.
package packaging
