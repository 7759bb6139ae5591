package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gatehouse/adapters/seal"
	"gatehouse/adapters/sqlstore"
	"gatehouse/core/fault"
	portseal "gatehouse/ports/seal"
	"gatehouse/ports/store"
)

// StoreConfig says where a service keeps its data and what it seals it with.
// Flags, environment and help are made from the tags.
type StoreConfig struct {
	DataDir string `default:"/var/lib/gatehouse" env:"GATEHOUSE_DATA_DIR" help:"Folder of the database, the TLS certificate and, unless given elsewhere, the master key." name:"data-dir"  placeholder:"DIR"`

	MasterKey      string `default:"file"                          enum:"file,environment,passphrase"                                                    env:"GATEHOUSE_MASTER_KEY_SOURCE" help:"Where the master key comes from: file, environment (variable GATEHOUSE_MASTER_KEY) or passphrase." name:"master-key-source" placeholder:"SOURCE"`
	MasterKeyFile  string `env:"GATEHOUSE_MASTER_KEY_FILE"         help:"The master key file, made at first start (default: master.key in the data folder)." name:"master-key-file"            placeholder:"FILE"`
	PassphraseFile string `env:"GATEHOUSE_MASTER_PASSPHRASE_FILE"  help:"File whose first line is the passphrase that the master key is derived from."   name:"master-passphrase-file"     placeholder:"FILE"`
}

// derivationSetting is the name under which the store keeps how its master key
// is derived from a passphrase.
const derivationSetting = "passphrase derivation"

func (c StoreConfig) keyFile() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.DataDir, "master.key")
}

// OpenStore opens the store and the sealer that belongs to it. The key file is
// nil when the master key comes from elsewhere.
func (c StoreConfig) OpenStore(ctx context.Context) (*sqlstore.Store, *seal.Ring, *seal.KeyFile, error) {
	st, err := sqlstore.Open(ctx, sqlstore.Options{Path: filepath.Join(c.DataDir, "gatehouse.db")})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("opening the database: %w", err)
	}
	ring, file, err := c.openRing(ctx, st)
	if err == nil {
		err = checkMasterKey(ctx, st, ring)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, st.Close())
	}
	return st, ring, file, nil
}

func (c StoreConfig) openRing(ctx context.Context, st store.Sealed) (*seal.Ring, *seal.KeyFile, error) {
	switch c.MasterKey {
	case "environment":
		ring, err := seal.FromEnvironment()
		return ring, nil, err
	case "passphrase":
		if c.PassphraseFile == "" {
			return nil, nil, fault.New(fault.Invalid, "--master-passphrase-file is required when the master key comes from a passphrase")
		}
		derivation, err := st.Setting(ctx, derivationSetting)
		if errors.Is(err, fault.NotFound) {
			derivation = []byte(seal.NewDerivation())
			err = st.PutSetting(ctx, derivationSetting, derivation)
		}
		if err != nil {
			return nil, nil, err
		}
		ring, err := seal.FromPassphrase(c.PassphraseFile, seal.Derivation(derivation))
		return ring, nil, err
	default:
		// Only a store that holds nothing sealed yet may get a new master key.
		_, err := st.SealedSetting(ctx, string(portseal.MasterCheck), masterCheck)
		open := seal.OpenKeyFile
		if errors.Is(err, fault.NotFound) {
			open = seal.CreateKeyFile
		} else if err != nil {
			return nil, nil, err
		}
		file, err := open(c.keyFile())
		if err != nil {
			return nil, nil, err
		}
		ring := file.Ring()
		return ring, file, nil
	}
}

// Config is the configuration of the program gatehouse. Flags,
// environment and help are made from the tags.
type Config struct {
	StoreConfig
	Links

	Listen   string   `default:":8443"                      env:"GATEHOUSE_LISTEN"         help:"Address and port to serve the REST API on, over TLS."                                        placeholder:"ADDRESS"`
	TLSCert  string   `env:"GATEHOUSE_TLS_CERT"             help:"PEM certificate with its chain (default: one made at first start in the data folder)."  name:"tls-cert"              placeholder:"FILE"`
	TLSKey   string   `env:"GATEHOUSE_TLS_KEY"              help:"PEM key of the certificate."                                                            name:"tls-key"               placeholder:"FILE"`
	Hosts    []string `env:"GATEHOUSE_TLS_HOSTS"          help:"Further names and addresses for the certificate made at first start."                   name:"tls-hosts"             placeholder:"HOST"`
	Account  string   `default:"main"                       env:"GATEHOUSE_FIRST_ACCOUNT"  help:"Name of the account made at first start."                                              name:"first-account"  placeholder:"NAME"`
	Admin    string   `default:"admin@gatehouse.example"    env:"GATEHOUSE_FIRST_ADMIN"    help:"E-mail address of the administrator made at first start; the password is printed once." name:"first-admin"    placeholder:"EMAIL"`
	Password string   `env:"GATEHOUSE_FIRST_PASSWORD_FILE"  help:"File to write the first administrator's password to, for its owner to read and delete (default: it is printed)." name:"first-password-file" placeholder:"FILE"`
	LogLevel string   `default:"info"                       enum:"debug,info,warn,error"   env:"GATEHOUSE_LOG_LEVEL"                                                                            help:"How much is logged." name:"log-level" placeholder:"LEVEL"`

	RecoverEvery  time.Duration `default:"15s" env:"GATEHOUSE_RECOVER_EVERY"  help:"How often changes of an HSM that were interrupted are looked after."                                         name:"recover-every"  placeholder:"DURATION"`
	RecoveryGrace time.Duration `default:"3m"  env:"GATEHOUSE_RECOVERY_GRACE" help:"How long an HSM may take to make a key whose request was interrupted; until then its name stays reserved." name:"recovery-grace" placeholder:"DURATION"`
	ProbeEvery    time.Duration `default:"10s" env:"GATEHOUSE_PROBE_EVERY"    help:"How often a connection to an HSM that nobody uses is tried, so that its state is known."                                     name:"probe-every"    placeholder:"DURATION"`

	DrainWithin time.Duration `default:"20s" help:"How long requests under way may take to end when the service is stopped." name:"drain-within" placeholder:"DURATION"`

	Hangup <-chan os.Signal `kong:"-"` // SIGHUP: read the TLS certificate again
}
