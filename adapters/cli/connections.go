package cli

import (
	"context"
	"encoding/pem"
	"io"
	"strconv"
	"strings"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// connectionFlags are a connection to an HSM.
type connectionFlags struct {
	HSMKind       string `help:"Kind of the HSM: Ncipher, Safenet, AwsCloudHsm, Softhsm; Fortanix is another service." name:"hsm-kind" placeholder:"KIND"`
	HSMURL        string `help:"Address of its gateway, as hsm1.example.com:4442; or of the other service." name:"hsm-url" placeholder:"ADDRESS"`
	HSMSlot       string `help:"Number of the slot, as the gateway's slots command lists it." name:"hsm-slot" placeholder:"N"`
	HSMOrder      string `help:"Priority under PriorityFailover: smaller ones are tried first." name:"hsm-order" placeholder:"N"`
	HSMCACert     string `help:"PEM file of the CAs that the gateway's certificate must chain to; the system's unless given." name:"hsm-ca-cert" placeholder:"FILE"`
	HSMClientCert string `help:"PEM file of the certificate that is shown to the gateway." name:"hsm-client-cert" placeholder:"FILE"`
	HSMClientKey  string `help:"PEM file of its private key." name:"hsm-client-key" placeholder:"FILE"`
	NoHostCheck   bool   `help:"Do not compare the host with the gateway's certificate." name:"hsm-no-host-check"`

	HSMPINFile string `env:"GATEHOUSE_HSM_PIN_FILE" help:"File that holds the PIN, or the API key of the other service; - is the standard input. Asked for unless given." name:"hsm-pin-file" placeholder:"FILE"`
}

func (f connectionFlags) given() bool {
	return f.HSMKind != "" || f.HSMURL != "" || f.HSMSlot != ""
}

// config makes a connection; whole: it is new, and so all must be there.
func (f connectionFlags) config(t *tool, whole bool) (dsmwire.HmgConfig, error) {
	h := dsmwire.HmgConfig{Kind: dsmwire.CanonicalKind(f.HSMKind), URL: f.HSMURL}
	if whole && (h.Kind == "" || h.URL == "") {
		return h, fault.New(fault.Invalid, "a connection needs --hsm-kind and --hsm-url")
	}
	if f.HSMSlot != "" {
		n, err := strconv.ParseUint(f.HSMSlot, 0, 64)
		if err != nil {
			return h, fault.New(fault.Invalid, "--hsm-slot must be a number")
		}
		h.Slot = &n
	}
	if f.HSMOrder != "" {
		n, err := strconv.ParseInt(f.HSMOrder, 10, 32)
		if err != nil {
			return h, fault.New(fault.Invalid, "--hsm-order must be a number")
		}
		h.HSMOrder = ptr(int32(n))
	}
	var err error
	if whole || f.HSMCACert != "" || f.HSMClientCert != "" || f.NoHostCheck {
		if h.TLS, err = f.trust(t); err != nil {
			return h, err
		}
	}
	if whole || f.HSMPINFile != "" {
		pin, err := t.secret(secretFlag{}, f.HSMPINFile, "hsm-pin", "PIN")
		if err != nil {
			return h, err
		}
		h.PIN = dsmwire.NewSecretText(pin)
	}
	return h, nil
}

// trust reads how the connection is secured.
func (f connectionFlags) trust(t *tool) (*dsmwire.TLSConfig, error) {
	c := &dsmwire.TLSConfig{Mode: "required", ValidateHostname: ptr(!f.NoHostCheck), CA: &dsmwire.CAConfig{CASet: dsmwire.GlobalRoots}}
	if f.HSMCACert != "" {
		text, err := t.read(f.HSMCACert)
		if err != nil {
			return nil, err
		}
		c.CA = &dsmwire.CAConfig{}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			c.CA.Pinned = append(c.CA.Pinned, block.Bytes)
		}
		if len(c.CA.Pinned) == 0 {
			return nil, fault.New(fault.Invalid, "%s holds no certificate in PEM", f.HSMCACert)
		}
	}
	if (f.HSMClientCert == "") != (f.HSMClientKey == "") {
		return nil, fault.New(fault.Invalid, "--hsm-client-cert and --hsm-client-key go together")
	}
	if f.HSMClientCert != "" {
		cert, err := t.read(f.HSMClientCert)
		if err != nil {
			return nil, err
		}
		key, err := t.read(f.HSMClientKey)
		if err != nil {
			return nil, err
		}
		c.ClientCert, c.ClientKey = cert, dsmwire.NewSecretBytes(secret.New(key))
	}
	return c, nil
}

type connections struct{ oneGroup }

// Run lists the connections of a group with their states.
func (l connections) Run(ctx context.Context, t *tool) error {
	return t.onGroup(ctx, l.oneGroup, either, func(ctx context.Context, c *dsmclient.Client, id string) error {
		all, err := c.Connections(ctx, id)
		if err != nil {
			return err
		}
		return t.show(all, func(w io.Writer) error {
			table := render.Table{Head: []string{"CONNECTION ID", "KIND", "ADDRESS", "SLOT", "ORDER", "STATE", "SINCE", "WHY"}}
			for _, s := range all {
				table.Add(s.ID, s.Config.Kind, s.Config.URL, strings.TrimPrefix(slotOf(s.Config), "slot "), strconv.Itoa(order(s.Config)),
					s.State, date(s.Since), orElse(s.Reason, s.Difference))
			}
			return table.Write(w, "No connections: the group is an ordinary one.")
		})
	})
}

type testConnection struct {
	GroupID      string `help:"UUID or name of the group whose connection is tested." name:"group-id" placeholder:"GROUP"`
	ConnectionID string `help:"UUID of the connection; needed when the group has several." name:"connection-id" placeholder:"UUID"`

	connectionFlags
}

// Run tests a connection: a saved one with its stored PIN, or one that is not saved.
func (v testConnection) Run(ctx context.Context, t *tool) error {
	if v.GroupID == "" {
		h, err := v.config(t, true)
		if err != nil {
			return err
		}
		return t.use(ctx, manages, func(ctx context.Context, c *dsmclient.Client) error {
			if err := c.CheckConnection(ctx, h); err != nil {
				return err
			}
			_, err := io.WriteString(t.Stdout, "The connection works.\n")
			return err
		})
	}
	return t.onGroup(ctx, oneGroup{GroupID: v.GroupID}, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		r := dsmwire.CheckHmgRequest{ID: v.ConnectionID}
		if r.ID == "" {
			all, err := c.Connections(ctx, id)
			if err != nil {
				return err
			}
			if len(all) != 1 {
				return fault.New(fault.Invalid, "the group has %d connections: choose one with --connection-id", len(all))
			}
			r.ID = all[0].ID
		}
		if v.given() || v.HSMCACert != "" || v.HSMPINFile != "" {
			h, err := v.config(t, false)
			if err != nil {
				return err
			}
			r.Config = &h
		}
		info, err := c.CheckToken(ctx, id, r)
		if err != nil {
			return err
		}
		return t.show(info, func(w io.Writer) error {
			if _, err := io.WriteString(w, "The connection works.\n"); err != nil {
				return err
			}
			return tokenProperties(info).Write(w)
		})
	})
}

func tokenProperties(i dsmwire.TokenInfo) *render.Properties {
	p := &render.Properties{}
	p.Add("slot", strconv.FormatUint(i.Slot, 10))
	p.Add("label", i.Label)
	p.Add("serial", i.Serial)
	p.Add("manufacturer", i.Manufacturer)
	p.Add("model", i.Model)
	p.Add("firmware", i.Firmware)
	p.Add("library", i.Library)
	return p
}

type addConnection struct {
	oneGroup
	connectionFlags
}

// Run adds a connection to a group.
func (a addConnection) Run(ctx context.Context, t *tool) error {
	h, err := a.config(t, true)
	if err != nil {
		return err
	}
	return t.changeGroup(ctx, a.oneGroup, dsmwire.GroupRequest{AddHmg: []dsmwire.HmgConfig{h}})
}

type updateConnection struct {
	oneGroup

	ConnectionID string `help:"UUID of the connection." name:"connection-id" placeholder:"UUID" required:""`

	connectionFlags
}

// Run changes a connection.
func (u updateConnection) Run(ctx context.Context, t *tool) error {
	h, err := u.config(t, false)
	if err != nil {
		return err
	}
	return t.onGroup(ctx, u.oneGroup, manages, func(ctx context.Context, c *dsmclient.Client, id string) error {
		if h.Kind == "" { // which the API wants to know again
			g, err := c.Group(ctx, id)
			if err != nil {
				return err
			}
			was, ok := g.Hmg[u.ConnectionID]
			if !ok {
				return fault.New(fault.NotFound, "the group has no such connection")
			}
			h.Kind = was.Kind
			if h.URL == "" {
				h.URL = was.URL
			}
			if h.Slot == nil {
				h.Slot = was.Slot
			}
			if h.HSMOrder == nil {
				h.HSMOrder = was.HSMOrder
			}
			if h.TLS == nil {
				h.TLS = was.TLS
			}
		}
		changed, err := c.UpdateGroup(ctx, id, dsmwire.GroupRequest{ModHmg: map[string]dsmwire.HmgConfig{u.ConnectionID: h}})
		if err != nil {
			return err
		}
		return t.showID(changed.GroupID, changed)
	})
}

type deleteConnection struct {
	oneGroup

	ConnectionID string `help:"UUID of the connection." name:"connection-id" placeholder:"UUID" required:""`
}

// Run takes a connection from a group.
func (d deleteConnection) Run(ctx context.Context, t *tool) error {
	return t.changeGroup(ctx, d.oneGroup, dsmwire.GroupRequest{DelHmg: []string{d.ConnectionID}})
}
