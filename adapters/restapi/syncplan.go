package restapi

import (
	"encoding/hex"

	"gatehouse/adapters/dsmwire"
	"gatehouse/app/syncing"
	"gatehouse/core/keys"
)

func planOf(p syncing.Plan) dsmwire.SyncPlan {
	out := dsmwire.SyncPlan{
		Objects: p.Objects, Unchanged: p.Unchanged, Skipped: p.Skipped,
		Added: mapped(p.New, plannedKey), Missing: mapped(p.Missing, plannedKey), Warnings: mapped(p.Warnings, warningOf),
		Changed: mapped(p.Changed, func(ch syncing.Change) dsmwire.PlannedChange {
			return dsmwire.PlannedChange{
				PlannedKey: plannedKey(ch.Key), NewSourceKeyID: hex.EncodeToString(ch.To.ID), NewLabel: string(ch.To.Label),
				Back: !ch.Key.Virtual.MissingSince.IsZero(),
			}
		}),
		InConflict: mapped(p.Conflict, func(c syncing.Conflict) dsmwire.PlannedKey {
			k := plannedKey(c.Key)
			k.Message = c.Message
			return k
		}),
	}
	return out
}

func plannedKey(k keys.Key) dsmwire.PlannedKey {
	return dsmwire.PlannedKey{
		KID: string(k.ID), Name: k.Name, ObjType: string(k.Type), KeySize: k.Size, Curve: string(k.Curve), KeyOps: k.Ops.Names(),
		PublicOnly: k.PublicOnly, SourceKeyID: hex.EncodeToString(k.Virtual.ID), Label: string(k.Virtual.Label),
	}
}
