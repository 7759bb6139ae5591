//go:build unix && !linux

package lab

import "syscall"

// attributes of a child: in a group of its own. Only Linux kills it when its
// parent is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
