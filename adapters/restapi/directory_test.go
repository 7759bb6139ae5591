package restapi_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
)

const nobody = "ffffffff-ffff-4fff-8fff-ffffffffffff"

func TestUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const users, signup = "/sys/v1/users", `{"user_email":"New@example.com","user_password":"a password of some length","first_name":"N","recaptcha_response":null}`
	wants(t, w.app, http.MethodPost, users, signup, 403, "only account administrators may do this")
	if a := w.send(http.MethodPost, users, "", signup); a.status != http.StatusUnauthorized {
		t.Errorf("signing oneself up: got %d %s, want 401", a.status, a.body)
	}
	u := decoded[dsmwire.User](t, wants(t, w.admin, http.MethodPost, users, signup, 201, "*"))
	if u.UserEmail != "new@example.com" || u.FirstName != "N" || strings.Join(u.AccountRole, " ") != "ACCOUNTMEMBER STATEENABLED" || !*u.HasPassword {
		t.Errorf("made: got %+v", u)
	}
	wants(t, w.admin, http.MethodPost, users, signup, 409, "*")
	wants(t, w.admin, http.MethodPost, users, `{"user_email":"x","user_password":"a password of some length"}`, 400, "user_email is not an e-mail address")
	wants(t, w.admin, http.MethodPost, users, `{"user_email":"x@example.com","user_password":"MARKER"}`, 400, "user_password must be 12 to 256 bytes long")

	one := users + "/" + u.UserID
	changed := decoded[dsmwire.User](t, wants(t, w.admin, http.MethodPatch, one,
		`{"account_role":["ACCOUNTAUDITOR","STATEENABLED"],"last_name":"Person","add_groups":{"`+w.local+`":["GROUPADMINISTRATOR"],"`+w.slot+`":["GROUPAUDITOR"]}}`, 200, "*"))
	if changed.LastName != "Person" || changed.FirstName != "N" || strings.Join(changed.AccountRole, " ") != "ACCOUNTAUDITOR STATEENABLED" ||
		changed.Groups[w.local][0] != "GROUPADMINISTRATOR" || changed.Groups[w.slot][0] != "GROUPAUDITOR" {
		t.Errorf("changed: got %+v", changed)
	}
	changed = decoded[dsmwire.User](t, wants(t, w.admin, http.MethodPatch, one, `{"enable":false,"del_groups":{"`+w.slot+`":[]}}`, 200, "*"))
	if strings.Join(changed.AccountRole, " ") != "ACCOUNTAUDITOR" || len(changed.Groups) != 1 {
		t.Errorf("disabled: got %+v", changed)
	}
	wants(t, w.admin, http.MethodPost, "/sys/v1/session/auth", `{"method":"password","email":"new@example.com","password":"a password of some length"}`, 401, "invalid credentials")
	for body, refused := range map[string]struct {
		status int
		text   string
	}{
		`{"account_role":["KING"]}`:                                {400, "account_role holds a name that the API does not know"},
		`{"account_role":["ACCOUNTMEMBER","ACCOUNTAUDITOR"]}`:      {400, "account_role holds more than one role"},
		`{"account_role":["` + nobody + `"]}`:                      {501, "a custom role is not supported yet"},
		`{"user_password":"MARKER"}`:                               {501, "user_password is not supported yet"},
		`{"user_email":"other@example.com"}`:                       {501, "user_email is not supported yet"},
		`{"add_groups":{"x":[]}}`:                                  {400, "a group's id must be a UUID"},
		`{"add_groups":{"` + nobody + `":["GROUPADMINISTRATOR"]}}`: {404, "group does not exist"},
		`{"mod_groups":{"` + w.local + `":["KING"]}}`:              {400, "a group's roles hold a name that the API does not know"},
		`{"add_mfa_devices":[{}]}`:                                 {501, "add_mfa_devices is not supported yet"},
	} {
		wants(t, w.admin, http.MethodPatch, one, body, refused.status, refused.text)
	}
	for query, want := range map[string]int{"": 2, "?limit=1": 1, "?offset=2": 0, "?group_id=" + w.local: 1, "?sort=user_id:desc": 2} {
		if got := decoded[[]dsmwire.User](t, wants(t, w.admin, http.MethodGet, users+query, "", 200, "*")); len(got) != want {
			t.Errorf("%s: got %d users, want %d", query, len(got), want)
		}
	}
	wants(t, w.admin, http.MethodGet, one, "", 200, "*")
	wants(t, w.admin, http.MethodGet, users+"/"+nobody, "", 404, "user does not exist")
	wants(t, w.admin, http.MethodDelete, one, "", 204, "")
	wants(t, w.admin, http.MethodGet, one, "", 404, "user does not exist")
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const accounts = "/sys/v1/accounts"
	a := decoded[dsmwire.Account](t, wants(t, w.admin, http.MethodPost, accounts, `{"name":"second","approval_policy":{},"country":"NL"}`, 201, "*"))
	if a.Name != "second" || a.Purpose.Type != "Standard" || a.Subscription.OnPrem == nil || !a.Enabled {
		t.Errorf("made: got %+v", a)
	}
	wants(t, w.app, http.MethodPost, accounts, `{"name":"third"}`, 403, "*")
	wants(t, w.admin, http.MethodPost, accounts, `{}`, 400, "*")
	if got := decoded[[]dsmwire.Account](t, wants(t, w.admin, http.MethodGet, accounts+"/", "", 200, "*")); len(got) != 2 || got[0].Name != "main" {
		t.Errorf("list: got %+v, want both in order of creation", got)
	}
	main := decoded[[]dsmwire.Account](t, wants(t, w.app, http.MethodGet, accounts, "", 200, "*"))
	if len(main) != 1 {
		t.Fatalf("an app sees %d accounts, want its own", len(main))
	}
	wants(t, w.app, http.MethodGet, accounts+"/"+a.AcctID, "", 404, "account does not exist")
	wants(t, w.admin, http.MethodPatch, accounts+"/"+a.AcctID, `{"name":"x"}`, 404, "account does not exist") // it is not selected
	changed := decoded[dsmwire.Account](t, wants(t, w.admin, http.MethodPatch, accounts+"/"+main[0].AcctID, `{"name":"Main","description":"the first"}`, 200, "*"))
	if changed.Name != "Main" || changed.Description != "the first" {
		t.Errorf("changed: got %+v", changed)
	}
	wants(t, w.admin, http.MethodPatch, accounts+"/"+main[0].AcctID, `{"approval_policy":{"policy":{"user":"x"}}}`, 501, "approval_policy is not supported yet")
	wants(t, w.admin, http.MethodPatch, accounts+"/"+main[0].AcctID, `{"enabled":false}`, 501, "disabling an account is not supported yet")
}

func TestApps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const apps = "/sys/v1/apps"
	a := decoded[dsmwire.App](t, wants(t, w.admin, http.MethodPost, apps, `{"name":"shop","app_type":"web","interface":"REST","description":"d",
		"add_groups":["`+w.local+`"],"credential":{"secret":{"size":32}},"ip_address_policy":"allow_all","oauth_config":{"state":"disabled"},"role":null}`, 201, "*"))
	if a.Name != "shop" || a.Role != "crypto" || a.AuthType != "Secret" || a.DefaultGroup != w.local || !a.Enabled || len(a.Groups.IDs) != 1 {
		t.Errorf("made: got %+v", a)
	}
	one := apps + "/" + a.AppID
	shown := decoded[dsmwire.App](t, wants(t, w.admin, http.MethodGet, one+"?group_permissions=true", "", 200, "*"))
	if p := shown.Groups.Permissions[w.local]; len(p) == 0 || strings.Contains(strings.Join(p, " "), "EXPORT") {
		t.Errorf("permissions by default: got %v, want all but EXPORT", p)
	}
	changed := decoded[dsmwire.App](t, wants(t, w.admin, http.MethodPatch, one+"?group_permissions=true",
		`{"name":"Shop","mod_groups":{"`+w.local+`":["SIGN","VERIFY"]},"add_groups":{"`+w.slot+`":null},"default_group":"`+w.slot+`"}`, 200, "*"))
	if strings.Join(changed.Groups.Permissions[w.local], " ") != "SIGN VERIFY" || len(changed.Groups.Permissions[w.slot]) < 5 ||
		changed.DefaultGroup != w.slot || changed.Name != "Shop" || changed.Description != "d" {
		t.Errorf("changed: got %+v", changed)
	}
	changed = decoded[dsmwire.App](t, wants(t, w.admin, http.MethodPatch, one, `{"del_groups":["`+w.slot+`"]}`, 200, "*"))
	if len(changed.Groups.IDs) != 1 || changed.DefaultGroup != "" {
		t.Errorf("after leaving its default group: got %+v", changed)
	}
	for body, refused := range map[string]struct {
		status int
		text   string
	}{
		`{"role":"king"}`: {400, "role is not one that the API knows"},
		`{"add_groups":{"` + w.local + `":["DANCE"]}}`: {400, "permissions hold a name that the API does not know"},
		`{"add_groups":7}`:                                  {400, "groups of an app are neither a list of ids nor permissions by id"},
		`{"add_groups":["x"]}`:                              {400, "a group's id must be a UUID"},
		`{"add_groups":["` + nobody + `"]}`:                 {404, "group does not exist"},
		`{"default_group":"x"}`:                             {400, "default_group must be a UUID"},
		`{"default_group":"` + w.slot + `"}`:                {400, "default_group must be one of the app's groups"},
		`{"credential":{"secret":{}}}`:                      {501, "changing a credential other than by reset_secret is not supported yet"},
		`{"credential":{"certificate":"TUFSS0VS"}}`:         {501, "a credential of kind certificate is not supported yet"},
		`{"credential":{"secret":"MARKER"}}`:                {501, "a secret that the caller chose is not supported yet"},
		`{"credential":{"handshake":{}}}`:                   {400, "credential is not one that the API knows"},
		`{"ip_address_policy":{"whitelist":["192.0.2.1"]}}`: {501, "ip_address_policy is not supported yet"},
		`{"oauth_config":{"state":"enabled"}}`:              {501, "oauth_config is not supported yet"},
		`{"credential_migration_period":60}`:                {501, "credential_migration_period is not supported yet"},
	} {
		if got := wants(t, w.admin, http.MethodPatch, one, body, refused.status, refused.text); strings.Contains(got, "MARKER") {
			t.Errorf("%q echoes what was sent", got)
		}
	}
	wants(t, w.admin, http.MethodPost, apps, `{"name":"Shop"}`, 409, "*")
	wants(t, w.admin, http.MethodPost, apps, `{"name":"other","secret_size":8}`, 400, "secret_size must be 16 to 512 bytes")
	wants(t, w.admin, http.MethodPost, apps, `{"name":"other","secret_size":-1}`, 400, "secret_size in the request body is of the wrong type")
	wants(t, w.admin, http.MethodPost, apps, `{"name":"manager","role":"admin"}`, 201, "*")
	for query, want := range map[string]int{
		"": 3, "?role=admin": 1, "?role=crypto": 2, "?group_id=" + w.slot: 1, "?limit=1": 1, "?sort=app_name:asc&start=app": 1,
	} {
		if got := decoded[[]dsmwire.App](t, wants(t, w.admin, http.MethodGet, apps+"/"+query, "", 200, "*")); len(got) != want {
			t.Errorf("%s: got %d apps, want %d", query, len(got), want)
		}
	}
	wants(t, w.admin, http.MethodGet, apps+"?role=king", "", 400, "*")
	wants(t, w.admin, http.MethodGet, apps+"?group_permissions=perhaps", "", 400, "*")
	wants(t, w.admin, http.MethodGet, apps+"?continuation_token=&limit=1", "", 200, "*")
	wants(t, w.admin, http.MethodDelete, one, "", 204, "")
	wants(t, w.admin, http.MethodGet, one, "", 404, "app does not exist")
}

func TestASecretThatWasResetIsWorthless(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, old := w.credential()
	key := func(s string) *dsmclient.Client {
		return w.client(dsmclient.Config{User: id, Password: secret.FromString(s)})
	}
	wants(t, key(old), http.MethodGet, "/sys/v1/groups", "", 200, "*")
	wants(t, key(old), http.MethodGet, "/sys/v1/apps/"+id+"/credential", "", 403, "*")
	wants(t, w.admin, http.MethodPost, "/sys/v1/apps/"+id+"/reset_secret", `{"secret_size":16,"credential_migration_period":0}`, 200, "*")
	wants(t, w.admin, http.MethodPost, "/sys/v1/apps/"+id+"/reset_secret", `{"credential_migration_period":1}`, 501, "*")
	wants(t, key(old), http.MethodGet, "/sys/v1/groups", "", 401, "*")
	fresh := decoded[dsmwire.AppCredentialResponse](t, wants(t, w.admin, http.MethodGet, "/sys/v1/apps/"+id+"/credential", "", 200, "*"))
	wants(t, key(string(fresh.Credential.Secret.Secret().Reveal(reveal.Permit{}))), http.MethodGet, "/sys/v1/groups", "", 200, "*")
	wants(t, w.admin, http.MethodPatch, "/sys/v1/apps/"+id, `{"enabled":false}`, 200, "*")
	wants(t, key(string(fresh.Credential.Secret.Secret().Reveal(reveal.Permit{}))), http.MethodGet, "/sys/v1/groups", "", 401, "*")
}
