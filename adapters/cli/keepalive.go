package cli

import (
	"context"
	"os"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/core/secret"
)

// renewEvery is how long sessions are used before they are extended: a part of
// the ten minutes that they live.
const renewEvery = time.Minute

// keepAlive extends the sessions in the file when the last time is a while ago,
// so that who works is not logged out. That it cannot is told by the verb's own
// call, if it matters.
func (t *tool) keepAlive(ctx context.Context, cfg dsmclient.Config, l line) {
	info, err := os.Stat(t.tokenPath())
	if err != nil || time.Since(info.ModTime()) < renewEvery {
		return
	}
	for _, token := range []secret.Value{l.file.UserToken, l.file.AppToken} {
		if token.Empty() {
			continue
		}
		cfg.APIKey, cfg.Bearer = secret.Value{}, token
		c, err := dsmclient.New(cfg)
		if err != nil {
			return
		}
		_ = c.Refresh(ctx) // see above
		c.Close()
	}
	now := time.Now()
	_ = os.Chtimes(t.tokenPath(), now, now) // it is tried again with the next verb
}
