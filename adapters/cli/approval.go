package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"gatehouse/adapters/cli/disclose"
	"gatehouse/adapters/cli/redact"
	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// request asks for the approval of a call instead of making it.
func (t *tool) request(ctx context.Context, c *dsmclient.Client, method, operation string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := c.RequestApproval(ctx, dsmwire.ApprovalRequestRequest{Method: method, Operation: operation, Body: b})
	if err != nil {
		return fmt.Errorf("asking for an approval: %w", err)
	}
	return t.show(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Asked for the approval of %s %s.\nrequest_id: %s\nstatus: %s\n",
			method, operation, render.Text(r.RequestID), render.Text(r.Status))
		return err
	})
}

type taskResult struct {
	RequestID string `help:"UUID of the approval request, as --quorum has told it." name:"request-id" placeholder:"UUID" required:""`
	Out       string `help:"File for what an approved wrap-key, export-object or sign has made, for its owner alone." placeholder:"FILE"`
}

// outcome is the body of an approved call's reply, as far as it goes into files.
type outcome struct {
	WrappedKey []byte              `json:"wrapped_key"`
	Signature  []byte              `json:"signature"`
	Value      dsmwire.SecretBytes `json:"value"`
	IV         []byte              `json:"iv"`
	Tag        []byte              `json:"tag"`
	KID        string              `json:"kid"`
}

// Run tells how an approval request stands, and gets the result of an approved one.
func (r taskResult) Run(ctx context.Context, t *tool) error {
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		task, err := c.Approval(ctx, r.RequestID)
		if err != nil {
			return err
		}
		if task.Status != "APPROVED" {
			return t.show(task, func(w io.Writer) error { return taskProperties(task).Write(w) })
		}
		result, err := c.ApprovalResult(ctx, r.RequestID)
		if err != nil {
			return err
		}
		if result.Status >= 300 {
			var text string
			if json.Unmarshal(result.Body, &text) != nil {
				text = "the approved call failed"
			}
			return fault.New(fault.Invalid, "the call was approved, and answered %d: %s", result.Status, text)
		}
		return r.told(t, task, result)
	})
}

// told shows a result without the secrets in it; those go into the file.
func (r taskResult) told(t *tool, task dsmwire.ApprovalRequest, result dsmwire.ApprovableResult) error {
	body := result.Body
	result.Body = redact.JSON(body)
	var o outcome
	_ = json.Unmarshal(body, &o) // of another shape: nothing of it goes into a file
	err := t.show(result, func(w io.Writer) error {
		p := taskProperties(task)
		p.Add("result", fmt.Sprintf("HTTP status %d", result.Status))
		p.Add("kid", o.KID)
		if err := p.Write(w); err != nil {
			return err
		}
		if r.Out == "" && (len(o.WrappedKey) > 0 || len(o.Signature) > 0 || !o.Value.IsZero()) {
			t.warn("the result is not written: give --out FILE")
		}
		return nil
	})
	switch {
	case err != nil || r.Out == "":
		return err
	case len(o.WrappedKey) > 0:
		return t.wrapped(r.Out, dsmwire.WrapKeyResponse{WrappedKey: o.WrappedKey, IV: o.IV, Tag: o.Tag})
	case len(o.Signature) > 0:
		return t.write(r.Out, o.Signature)
	case !o.Value.IsZero():
		return fresh(r.Out, func(w io.Writer) error { return disclose.Write(w, o.Value.Secret(), disclose.Binary) })
	default:
		return fault.New(fault.Invalid, "the result has nothing for a file")
	}
}

func taskProperties(r dsmwire.ApprovalRequest) *render.Properties {
	p := &render.Properties{}
	p.Add("request_id", r.RequestID)
	p.Add("status", r.Status)
	p.Add("call", r.Method+" "+r.Operation)
	p.Add("requester", principal(r.Requester))
	p.Add("asked", date(r.CreatedAt))
	p.Add("ends", date(r.Expiry))
	p.Add("denied because", r.Denial)
	return p
}
