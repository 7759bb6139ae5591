package assembly

import (
	"log/slog"
	"net"
	"os"
)

// Ready tells the service manager that the program serves, when it was started
// by one that wants to know: sd_notify(3), by the socket in NOTIFY_SOCKET.
func Ready(log *slog.Logger) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: path}) // a name that begins with @ is abstract
	if err == nil {
		defer conn.Close() //nolint:errcheck // the message is one datagram: it was sent or not
		_, err = conn.Write([]byte("READY=1"))
	}
	if err != nil {
		log.Warn("the service manager was not told that this program is ready", slog.Any("error", err))
	}
}
