package dsmwire

import "encoding/json"

// BatchRequest asks for calls of any kind: exactly one field is set.
type BatchRequest struct {
	Batch      *BatchRequestList `json:"Batch,omitempty"`
	SingleItem *BatchRequestItem `json:"SingleItem,omitempty"`
}

// BatchRequestList is several requests, which may be lists themselves.
type BatchRequestList struct {
	ExecutionType string         `json:"batch_execution_type"`
	Items         []BatchRequest `json:"items"`
}

// How the items of a list are done.
const (
	Serial    = "Serial"    // in order, until one fails
	Unordered = "Unordered" // in any order, each by itself
)

// BatchRequestItem is one call: its method, its path with or without a slash at
// the beginning, and its body.
type BatchRequestItem struct {
	Method    string          `json:"method"`
	Operation string          `json:"operation"`
	Body      json.RawMessage `json:"body,omitempty"`
}

// BatchResponse answers a BatchRequest in its shape.
type BatchResponse struct {
	Batch      *BatchResponseList   `json:"Batch,omitempty"`
	SingleItem *BatchResponseObject `json:"SingleItem,omitempty"`
}

// BatchResponseList answers a list, in the items' order.
type BatchResponseList struct {
	Items []BatchResponse `json:"items"`
}

// BatchResponseObject answers one call: exactly one field is set.
type BatchResponseObject struct {
	Result  *BatchResultObject `json:"Result,omitempty"`
	Skipped *BatchSkipped      `json:"Skipped,omitempty"`
}

// BatchResultObject is what the call alone would have answered: a body of JSON, or
// an error's text as a JSON string.
type BatchResultObject struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// BatchSkipped tells why a call was not made.
type BatchSkipped struct {
	Reason string `json:"reason"`
}
