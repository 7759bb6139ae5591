// Package installed proves the packages as their users meet them: installed on
// a machine of their own with systemd, started, used, upgraded, removed. It has
// tests only, behind the build tag packages, for they need root, systemd-nspawn
// and minutes: make test-packages.
package installed
