package stage

import "net"

// named returns a loopback address by its host's name.
func named(address string) (string, error) {
	_, port, err := net.SplitHostPort(address)
	return net.JoinHostPort("localhost", port), err
}
