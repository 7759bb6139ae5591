package steps

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/adapters/dsmwire"
)

func paddingSteps() []Step {
	return []Step{
		{Given, `^the administrator has permitted "([^"]*)" to (encrypt|sign) using (.+)$`, on3((*scenario).permit)},
		{When, `^the application decrypts it$`, on0((*scenario).decrypts)},
		{Then, `^the application decrypts it again using (OAEP|PKCS#1 v1\.5)$`, on1((*scenario).decryptsAgainUsing)},
		{Given, `^the application has signed with "([^"]*)" using (PKCS#1 v1\.5)$`, on2((*scenario).sign)},
		{When, `^the application asks whether the signature is good$`, on0((*scenario).asksWhetherGood)},
		{Then, `^the signature verifies outside the service as (PKCS#1 v1\.5|PSS)$`, on1((*scenario).verifiesOutsideAs)},
	}
}

// paddingRules reads a policy as scenarios write it: "every padding", "no padding",
// or paddings with commas between them, as "PKCS#1 v1.5, OAEP with SHA256".
func paddingRules(policy string) (dsmwire.RSAPolicies, error) {
	rules := dsmwire.RSAPolicies{}
	if policy == "no padding" {
		return rules, nil
	}
	for rule := range strings.SplitSeq(policy, ", ") {
		name, hash, _ := strings.Cut(rule, " with ")
		switch name {
		case "every padding":
			rules = append(rules, dsmwire.RSAPolicy{})
			continue
		case "PKCS#1 v1.5":
			name = dsmwire.PKCS1v15
		case dsmwire.OAEP, dsmwire.PSS:
		default:
			return nil, fmt.Errorf("no such padding: %q", rule)
		}
		rules = append(rules, dsmwire.RSAPolicy{Padding: &dsmwire.PaddingPolicy{Name: name, Hash: hash}})
	}
	return rules, nil
}

func (s *scenario) permit(ctx context.Context, name, what, policy string) error {
	rules, err := paddingRules(policy)
	if err != nil {
		return err
	}
	options := dsmwire.RSAOptions{EncryptionPolicy: rules}
	if what == "sign" {
		options = dsmwire.RSAOptions{SignaturePolicy: rules}
	}
	return s.update(ctx, s.admin, name, dsmwire.SobjectRequest{RSA: &options})
}

// decrypts decrypts what was encrypted last.
func (s *scenario) decrypts(ctx context.Context) error {
	_, err := s.app.Decrypt(ctx, s.encrypted.request)
	return s.did(err)
}

func (s *scenario) decryptsAgainUsing(ctx context.Context, padding string) error {
	s.encrypted.request.Mode = modeNamed(padding)
	return s.decryptsAgain(ctx)
}

func (s *scenario) asksWhetherGood(ctx context.Context) error {
	_, err := s.good(ctx, message)
	return s.did(err)
}

func (s *scenario) verifiesOutsideAs(ctx context.Context, padding string) (err error) {
	if s.signed.way, err = wayFor(s.signed.key, padding); err != nil {
		return err
	}
	return s.verifiesOutside(ctx)
}
