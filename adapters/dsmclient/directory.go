package dsmclient

import (
	"context"
	"net/http"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

const (
	accountsPath = "/sys/v1/accounts"
	usersPath    = "/sys/v1/users"
	appsPath     = "/sys/v1/apps"
)

// Accounts lists the accounts that the caller belongs to.
func (c *Client) Accounts(ctx context.Context) ([]dsmwire.Account, error) {
	return send[[]dsmwire.Account](ctx, c, request{method: http.MethodGet, path: accountsPath})
}

// Account returns an account.
func (c *Client) Account(ctx context.Context, id string) (dsmwire.Account, error) {
	return send[dsmwire.Account](ctx, c, request{method: http.MethodGet, path: below(accountsPath, id)})
}

// CreateAccount makes an account.
func (c *Client) CreateAccount(ctx context.Context, r dsmwire.AccountRequest) (dsmwire.Account, error) {
	return send[dsmwire.Account](ctx, c, request{method: http.MethodPost, path: accountsPath, body: r})
}

// UpdateAccount changes what r gives of an account.
func (c *Client) UpdateAccount(ctx context.Context, id string, r dsmwire.AccountRequest) (dsmwire.Account, error) {
	return send[dsmwire.Account](ctx, c, request{method: http.MethodPatch, path: below(accountsPath, id), body: r})
}

// Users lists the users of the account.
func (c *Client) Users(ctx context.Context) ([]dsmwire.User, error) {
	return send[[]dsmwire.User](ctx, c, request{method: http.MethodGet, path: usersPath})
}

// User returns a user.
func (c *Client) User(ctx context.Context, id string) (dsmwire.User, error) {
	return send[dsmwire.User](ctx, c, request{method: http.MethodGet, path: below(usersPath, id)})
}

// UserGroups returns the groups of a user with the states of their connections
// (a call of Gatehouse alone).
func (c *Client) UserGroups(ctx context.Context, id string) ([]dsmwire.UserGroup, error) {
	return send[[]dsmwire.UserGroup](ctx, c, request{method: http.MethodGet, path: below("/gatehouse/v1/users", id, "groups")})
}

// CreateUser makes a user of the account.
func (c *Client) CreateUser(ctx context.Context, r dsmwire.SignupRequest) (dsmwire.User, error) {
	return send[dsmwire.User](ctx, c, request{method: http.MethodPost, path: usersPath, body: r})
}

// UpdateUser changes what r gives of a user.
func (c *Client) UpdateUser(ctx context.Context, id string, r dsmwire.UserRequest) (dsmwire.User, error) {
	return send[dsmwire.User](ctx, c, request{method: http.MethodPatch, path: below(usersPath, id), body: r})
}

// DeleteUser removes a user from the account.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	_, err := send[none](ctx, c, request{method: http.MethodDelete, path: below(usersPath, id)})
	return err
}

// ChangePassword gives the calling user a new password; its sessions end.
func (c *Client) ChangePassword(ctx context.Context, current, next secret.Value) error {
	_, err := post[none](ctx, c, usersPath+"/change_password", dsmwire.PasswordChangeRequest{
		CurrentPassword: dsmwire.NewSecretText(current), NewPassword: dsmwire.NewSecretText(next),
	})
	return err
}

// Apps lists the apps of the account, with their permissions by group.
func (c *Client) Apps(ctx context.Context) ([]dsmwire.App, error) {
	return send[[]dsmwire.App](ctx, c, request{method: http.MethodGet, path: appsPath, query: withPermissions()})
}

// App returns an app with its permissions by group.
func (c *Client) App(ctx context.Context, id string) (dsmwire.App, error) {
	return send[dsmwire.App](ctx, c, request{method: http.MethodGet, path: below(appsPath, id), query: withPermissions()})
}

func withPermissions() map[string][]string { return map[string][]string{"group_permissions": {"true"}} }

// CreateApp makes an app with a random secret.
func (c *Client) CreateApp(ctx context.Context, r dsmwire.AppRequest) (dsmwire.App, error) {
	return send[dsmwire.App](ctx, c, request{method: http.MethodPost, path: appsPath, query: withPermissions(), body: r})
}

// UpdateApp changes what r gives of an app.
func (c *Client) UpdateApp(ctx context.Context, id string, r dsmwire.AppRequest) (dsmwire.App, error) {
	return send[dsmwire.App](ctx, c, request{method: http.MethodPatch, path: below(appsPath, id), query: withPermissions(), body: r})
}

// DeleteApp removes an app.
func (c *Client) DeleteApp(ctx context.Context, id string) error {
	_, err := send[none](ctx, c, request{method: http.MethodDelete, path: below(appsPath, id)})
	return err
}

// AppAPIKey returns the API key of an app, for the administrator who hands it
// to the app.
func (c *Client) AppAPIKey(ctx context.Context, id string) (secret.Value, error) {
	r, err := send[dsmwire.AppCredentialResponse](ctx, c, request{method: http.MethodGet, path: below(appsPath, id, "credential")})
	if err != nil {
		return secret.Value{}, err
	}
	return APIKey(id, r.Credential.Secret.Secret()), nil
}

// ResetSecret gives an app a new secret.
func (c *Client) ResetSecret(ctx context.Context, id string) (dsmwire.App, error) {
	return c.ResetSecretTo(ctx, id, 0)
}

// ResetSecretTo gives an app a new secret of so many bytes; 0 leaves it to the service.
func (c *Client) ResetSecretTo(ctx context.Context, id string, size uint32) (dsmwire.App, error) {
	var r dsmwire.ResetSecretRequest
	if size != 0 {
		r.SecretSize = &size
	}
	return post[dsmwire.App](ctx, c, below(appsPath, id, "reset_secret"), r)
}
