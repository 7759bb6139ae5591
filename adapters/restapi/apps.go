package restapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/access"
	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/filter"
	"gatehouse/core/id"
)

// appParams are the parameters of every reply that holds apps.
var appParams = []param{{Name: "group_permissions", Type: "boolean", Doc: "show groups with the app's permissions, not only their ids"}}

// appView returns how a query wants apps to be shown.
func appView(q url.Values) (func(directory.App) dsmwire.App, error) {
	permissions, err := queryBool(q, "group_permissions")
	return func(a directory.App) dsmwire.App { return appOf(a, permissions) }, err
}

// appAndView reads the app in the path and how to show it.
func appAndView(r *request) (id.App, func(directory.App) dsmwire.App, error) {
	show, err := appView(r.query())
	if err != nil {
		return "", show, err
	}
	app, err := pathID[id.App](r, "app_id")
	return app, show, err
}

func appOf(a directory.App, permissions bool) dsmwire.App {
	out := dsmwire.App{
		AppID: string(a.ID), AcctID: string(a.Account), Name: a.Name, Description: a.Description, AppType: a.Type,
		Interface: a.Interface, Role: "crypto", Enabled: a.Enabled, AuthType: "Secret", DefaultGroup: string(a.DefaultGroup),
		Creator: creator(a.Creator), CreatedAt: dsmwire.NewTime(a.CreatedAt), LastUsedAt: dsmwire.NewTime(a.LastUsedAt),
		IPAddressPolicy: "allow_all",
	}
	if a.Role == access.AdminApp {
		out.Role = "admin"
	}
	if permissions {
		out.Groups.Permissions = map[string][]string{}
	} else {
		out.Groups.IDs = []string{}
	}
	for g, p := range a.Groups {
		if permissions {
			out.Groups.Permissions[string(g)] = p.Names()
		} else {
			out.Groups.IDs = append(out.Groups.IDs, string(g))
		}
	}
	return out
}

var appSorting = sorting[directory.App]{
	param: "sort",
	fields: map[string]sortField[directory.App]{
		"app_id":   {key: func(a directory.App) string { return string(a.ID) }, start: "start"},
		"app_name": {key: func(a directory.App) string { return a.Name }, start: "start"},
	},
	created: func(a directory.App) time.Time { return a.CreatedAt },
	id:      func(a directory.App) string { return string(a.ID) },
	filter: filter.Fields[directory.App]{Named: map[string]filter.Field[directory.App]{
		"name":        textField(func(a directory.App) string { return a.Name }),
		"description": textField(func(a directory.App) string { return a.Description }),
		"app_type":    textField(func(a directory.App) string { return a.Type }),
		"interface":   textField(func(a directory.App) string { return a.Interface }),
		"auth_type":   textField(func(directory.App) string { return "Secret" }),
		"created_at":  timeField(func(a directory.App) time.Time { return a.CreatedAt }),
		"enabled":     {Kind: filter.Flag, Of: func(a directory.App) filter.Value { return filter.FlagOf(a.Enabled) }},
	}},
}

func (s *server) listApps(ctx context.Context, c *call[none]) (listing[dsmwire.App], error) {
	q := c.query()
	show, err := appView(q)
	if err != nil {
		return listing[dsmwire.App]{}, err
	}
	p, err := appSorting.page(q)
	if err != nil {
		return listing[dsmwire.App]{}, err
	}
	group, err := queryID[id.Group](q, "group_id")
	if err != nil {
		return listing[dsmwire.App]{}, err
	}
	role, known := appRoles[q.Get("role")]
	if !known && q.Get("role") != "" {
		return listing[dsmwire.App]{}, fault.New(fault.Invalid, "role is not one that the API knows")
	}
	all, err := s.Accounts.Apps(ctx, c.Caller)
	if err != nil {
		return listing[dsmwire.App]{}, err
	}
	all = filtered(all, func(a directory.App) bool {
		_, in := a.Groups[group]
		return (in || group == "") && (!known || a.Role == role)
	})
	return listingOf(p, all, show), nil
}

// apps registers /sys/v1/apps.
func (s *server) apps() {
	const one = "/sys/v1/apps/{app_id}"
	register(s, endpoint[none, listing[dsmwire.App]]{
		ID: "ListApps", Method: http.MethodGet, Path: "/sys/v1/apps", Tag: "Apps", Summary: "The apps that the caller may know of",
		Query: append([]param{
			limitParam, offsetParam, tokenParam, filterParam,
			{Name: "sort", Doc: "app_id or app_name, :asc or :desc"},
			{Name: "start"},
			{Name: "group_id"},
			{Name: "role", Doc: "crypto or admin"},
		}, appParams...),
		Do: s.listApps,
	})
	register(s, endpoint[appRequest, dsmwire.App]{
		ID: "CreateApp", Method: http.MethodPost, Path: "/sys/v1/apps", Tag: "Apps", Status: http.StatusCreated,
		Summary: "Make an app with a random secret", Query: appParams,
		Do: func(ctx context.Context, c *call[appRequest]) (dsmwire.App, error) {
			show, err := appView(c.query())
			if err != nil {
				return dsmwire.App{}, err
			}
			n, err := c.Body.newApp()
			if err != nil {
				return dsmwire.App{}, err
			}
			a, err := s.Accounts.CreateApp(ctx, c.Caller, n)
			return show(a), err
		},
	})
	register(s, endpoint[none, dsmwire.App]{
		ID: "GetApp", Method: http.MethodGet, Path: one, Tag: "Apps", Summary: "An app", Query: appParams,
		Do: func(ctx context.Context, c *call[none]) (dsmwire.App, error) {
			app, show, err := appAndView(&c.request)
			if err != nil {
				return dsmwire.App{}, err
			}
			a, err := s.Accounts.App(ctx, c.Caller, app)
			return show(a), err
		},
	})
	register(s, endpoint[appRequest, dsmwire.App]{
		ID: "UpdateApp", Method: http.MethodPatch, Path: one, Tag: "Apps", Summary: "Change an app", Query: appParams,
		Do: func(ctx context.Context, c *call[appRequest]) (dsmwire.App, error) {
			app, show, err := appAndView(&c.request)
			if err != nil {
				return dsmwire.App{}, err
			}
			ch, err := c.Body.change()
			if err != nil {
				return dsmwire.App{}, err
			}
			a, err := s.Accounts.UpdateApp(ctx, c.Caller, app, ch)
			return show(a), err
		},
	})
	register(s, endpoint[none, none]{
		ID: "DeleteApp", Method: http.MethodDelete, Path: one, Tag: "Apps", Summary: "Delete an app; its sessions end",
		Do: func(ctx context.Context, c *call[none]) (none, error) {
			app, err := pathID[id.App](&c.request, "app_id")
			if err != nil {
				return none{}, err
			}
			return none{}, s.Accounts.DeleteApp(ctx, c.Caller, app)
		},
	})
}
