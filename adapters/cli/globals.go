package cli

import (
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// Globals are the flags that every verb has.
type Globals struct {
	APIEndpoint    string     `env:"GATEHOUSE_API_ENDPOINT,FORTANIX_API_ENDPOINT,SDKMS_API_ENDPOINT" group:"global" help:"Address of the service. Unless given: the one logged in to, or else https://localhost:8443." name:"api-endpoint" placeholder:"URL"`
	SSLCACert      string     `env:"GATEHOUSE_SSL_CA_CERT" group:"global" help:"PEM file of the CAs that the service's certificate must chain to. A login remembers it." name:"ssl-ca-cert" placeholder:"FILE"`
	NoVerifySSL    bool       `group:"global" help:"Do not verify the service's certificate. Whoever is on the way can then read and change everything." name:"no-verify-ssl"`
	Proxy          string     `group:"global" help:"Proxy to reach the service through. A login remembers it." placeholder:"URL"`
	APIKey         secretFlag `env:"GATEHOUSE_API_KEY,FORTANIX_API_KEY,SDKMS_API_KEY" group:"global" help:"API key of the app to work as. Better in the variable or a file than on the command line." name:"api-key" placeholder:"KEY"`
	APIKeyFile     string     `group:"global" help:"File that holds the API key; - is the standard input." name:"api-key-file" placeholder:"FILE"`
	PreferUserAuth bool       `group:"global" help:"When both are logged in, work as the user." name:"prefer-user-auth" xor:"prefer"`
	PreferAppAuth  bool       `group:"global" help:"When both are logged in, work as the app; this is what happens unless told otherwise." name:"prefer-app-auth" xor:"prefer"`
	TokenFile      string     `env:"GATEHOUSE_TOKEN_FILE" group:"global" help:"File that sessions are kept in, for its owner only. Unless given: .gatehouse-token in the home folder." name:"token-file" placeholder:"FILE"`
	Timeout        seconds    `group:"global" help:"How long a call may take: seconds, or a duration as 2m. Unless given: 60 seconds, and a sync as long as it takes." placeholder:"TIME"`
	JSON           bool       `group:"global" help:"Write JSON, as the service has answered, instead of a table."  name:"json"`
	DebugHTTP      bool       `group:"global" help:"Show requests and replies on the standard error, without secrets." name:"debug-http"`
	DebugErrors    bool       `group:"global" help:"Say more about errors." name:"debug-errors"`
}

// secretFlag is a secret that may stand on the command line or in a variable.
type secretFlag struct{ v secret.Value }

// Decode takes the secret; it is never shown.
func (s *secretFlag) Decode(c *kong.DecodeContext) error {
	token := c.Scan.Pop()
	text, ok := token.Value.(string)
	if token.IsEOL() || !ok {
		return fault.New(fault.Invalid, "a value is missing")
	}
	s.v = secret.FromString(text)
	return nil
}

// seconds is a duration that may be given as a number of seconds.
type seconds time.Duration

// Decode reads it.
func (s *seconds) Decode(c *kong.DecodeContext) error {
	var text string
	if err := c.Scan.PopValueInto("time", &text); err != nil {
		return err
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		*s = seconds(time.Duration(n) * time.Second)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fault.New(fault.Invalid, "must be a number of seconds, or a duration as 90s or 2m")
	}
	*s = seconds(d)
	return nil
}

// instant is a point in time that people write.
type instant struct{ time.Time }

// Decode reads it: a day, which begins at midnight UTC, or a time of RFC 3339.
func (i *instant) Decode(c *kong.DecodeContext) error {
	var text string
	if err := c.Scan.PopValueInto("date", &text); err != nil {
		return err
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "20060102T150405Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			i.Time = t
			return nil
		}
	}
	return fault.New(fault.Invalid, "must be a day as 2027-01-01, or a time as 2027-01-01T06:00:00Z")
}

func (i instant) wire() *dsmwire.Time {
	if i.IsZero() {
		return nil
	}
	return ptr(dsmwire.NewTime(i.Time))
}
