// Package hmg wires the gateway: a configuration and a PKCS#11 library in, a
// running gateway out. The program gatehouse-hmg, the features and the
// benchmarks share it.
package hmg

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"gatehouse/adapters/tlsconf"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// LibraryConfig says which PKCS#11 library to load, and how. Flags, environment
// and help are made from the tags.
type LibraryConfig struct {
	Library      string `env:"PKCS11_LIB_PATH"      help:"The HSM's PKCS#11 library, as its vendor installs it."                                        name:"pkcs11-lib-path" placeholder:"FILE"`
	Reserved     string `env:"PKCS11_RESERVED"      help:"Text that the library wants at initialisation; only a few do, such as NSS softokn."          name:"pkcs11-reserved" placeholder:"TEXT"`
	Sessions     int    `default:"4"                env:"PKCS11_SESSIONS"                                                                              help:"Sessions of a slot that work at the same time."  name:"pkcs11-sessions"      placeholder:"N"`
	SingleThread bool   `env:"PKCS11_SINGLE_THREAD" help:"Call the library from one thread only, for libraries that do not bear more."                 name:"pkcs11-single-thread"`
	Recheck      string `default:"handle"           enum:"handle,result,never"                                                                 env:"PKCS11_RECHECK"                                   help:"What is made sure of before a result is given out. handle: the handle still means the key that was asked for. result: besides, each signature verifies. never: nothing, while session and login last." name:"pkcs11-recheck" placeholder:"LEVEL"`
}

// Config is the gateway's configuration.
type Config struct {
	LibraryConfig

	Workers int `default:"2" env:"PKCS11_WORKERS" help:"Processes that load the library, for each slot in use, 64 at most. 0: it is loaded into the gateway itself, and a call that hangs then hangs for good." name:"pkcs11-workers" placeholder:"N"`

	CertFile         string `env:"CERT_FILE"          help:"PKCS#12 file (or PEM) with the gateway's TLS certificate and private key."                       name:"cert-file"          placeholder:"FILE"`
	CertPasswordFile string `env:"CERT_PASSWORD_FILE" help:"File whose first line is the password of the PKCS#12 file, if it has one; the variable CERT_PASSWORD may hold it instead."                                     name:"cert-password-file" placeholder:"FILE"`
	CAFile           string `env:"CA_FILE"            help:"PEM file with the CA of client certificates: turns on mutual TLS. Without it anybody who reaches the port may try PINs." name:"ca-file" placeholder:"FILE"`

	Address       string        `env:"HMG_LISTEN_ADDRESS" help:"Address to listen on; empty: all."                     name:"listen-address" placeholder:"IP"`
	Port          uint16        `default:"4442"           env:"HMG_LISTEN_PORT"                                        help:"Port for the service."                                              name:"listen-port"     placeholder:"PORT"`
	HealthPort    uint16        `default:"4441"           env:"HMG_HEALTH_PORT"                                        help:"Port of GET /health over HTTP; 0: none."                            name:"health-port"     placeholder:"PORT"`
	HealthTLSPort uint16        `default:"4440"           env:"HMG_HEALTH_TLS_PORT"                                    help:"Port of GET /health over HTTPS; 0: none."                           name:"health-tls-port" placeholder:"PORT"`
	Drain         time.Duration `default:"20s"            env:"HMG_DRAIN"                                              help:"How long requests under way may take to end when the gateway stops." name:"drain"          placeholder:"TIME"`
	Reload        time.Duration `default:"2s"             env:"HMG_RELOAD_EVERY"                                        help:"How often the files of CERT_FILE and CA_FILE are looked at for a change; SIGHUP has them read at once. 0: every 2s." name:"reload-every" placeholder:"TIME"`
	Queue         int           `default:"2048"           env:"HMG_QUEUE"                                               help:"How many operations may wait for a slot; further ones are refused at once, as busy. 0: 2048."                                    name:"queue"        placeholder:"N"`
	QueueTime     time.Duration `default:"5s"             env:"HMG_QUEUE_TIME"                                          help:"How long operations may have to wait for a slot, as far as the pace of those before tells; further ones are refused at once, as busy. 0: 5s." name:"queue-time"   placeholder:"TIME"`
	LogLevel      string        `default:"info"           enum:"debug,info,warn,error"                                 env:"HMG_LOG_LEVEL"                                                       help:"Least severe log records to write: debug, info, warn or error." name:"log-level" placeholder:"LEVEL"`

	Hangup <-chan os.Signal `kong:"-"` // SIGHUP: read the TLS files again
}

// loadTLS reads the server's TLS settings from their files.
func (c Config) loadTLS() (tlsconf.Loaded, error) {
	password, err := c.password()
	return tlsconf.Server(tlsconf.ServerFiles{
		Cert: c.CertFile, CertName: "CERT_FILE", Password: password, PasswordName: "CERT_PASSWORD_FILE", PasswordErr: err,
		ClientCA: c.CAFile, ClientCASetting: "CA_FILE",
	})
}

// password finds the password of CERT_FILE; empty: it has none.
func (c Config) password() (secret.Value, error) {
	password := secret.FromString(os.Getenv("CERT_PASSWORD")) // no flag: arguments are for all to see
	switch {
	case c.CertPasswordFile == "":
		return password, nil
	case !password.Empty():
		return secret.Value{}, fault.New(fault.Invalid, "CERT_PASSWORD and CERT_PASSWORD_FILE are both set")
	default:
		return tlsconf.Password(c.CertPasswordFile, "CERT_PASSWORD_FILE")
	}
}

// tlsFiles are what loadTLS reads.
func (c Config) tlsFiles() []string {
	var files []string
	for _, f := range []string{c.CertFile, c.CertPasswordFile, c.CAFile} {
		if f != "" {
			files = append(files, f)
		}
	}
	return files
}

// Level returns the least severe log level.
func (c Config) Level() (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return l, fmt.Errorf("HMG_LOG_LEVEL: %w", err)
	}
	return l, nil
}

func (c Config) at(port uint16) string {
	return net.JoinHostPort(c.Address, strconv.Itoa(int(port)))
}
