package ckr_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	raw "github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/core/fault"
	"gatehouse/core/healing"
)

// names are the return values of pkcs11t.h, by version (OASIS, published/3-01 for
// what is later than v2.40).
var names = map[string]string{
	"v2.40": `
		CANCEL HOST_MEMORY SLOT_ID_INVALID GENERAL_ERROR FUNCTION_FAILED ARGUMENTS_BAD NO_EVENT NEED_TO_CREATE_THREADS
		CANT_LOCK ATTRIBUTE_READ_ONLY ATTRIBUTE_SENSITIVE ATTRIBUTE_TYPE_INVALID ATTRIBUTE_VALUE_INVALID ACTION_PROHIBITED
		DATA_INVALID DATA_LEN_RANGE DEVICE_ERROR DEVICE_MEMORY DEVICE_REMOVED ENCRYPTED_DATA_INVALID
		ENCRYPTED_DATA_LEN_RANGE FUNCTION_CANCELED FUNCTION_NOT_PARALLEL FUNCTION_NOT_SUPPORTED KEY_HANDLE_INVALID
		KEY_SIZE_RANGE KEY_TYPE_INCONSISTENT KEY_NOT_NEEDED KEY_CHANGED KEY_NEEDED KEY_INDIGESTIBLE
		KEY_FUNCTION_NOT_PERMITTED KEY_NOT_WRAPPABLE KEY_UNEXTRACTABLE MECHANISM_INVALID MECHANISM_PARAM_INVALID
		OBJECT_HANDLE_INVALID OPERATION_ACTIVE OPERATION_NOT_INITIALIZED PIN_INCORRECT PIN_INVALID PIN_LEN_RANGE
		PIN_EXPIRED PIN_LOCKED SESSION_CLOSED SESSION_COUNT SESSION_HANDLE_INVALID SESSION_PARALLEL_NOT_SUPPORTED
		SESSION_READ_ONLY SESSION_EXISTS SESSION_READ_ONLY_EXISTS SESSION_READ_WRITE_SO_EXISTS SIGNATURE_INVALID
		SIGNATURE_LEN_RANGE TEMPLATE_INCOMPLETE TEMPLATE_INCONSISTENT TOKEN_NOT_PRESENT TOKEN_NOT_RECOGNIZED
		TOKEN_WRITE_PROTECTED UNWRAPPING_KEY_HANDLE_INVALID UNWRAPPING_KEY_SIZE_RANGE UNWRAPPING_KEY_TYPE_INCONSISTENT
		USER_ALREADY_LOGGED_IN USER_NOT_LOGGED_IN USER_PIN_NOT_INITIALIZED USER_TYPE_INVALID
		USER_ANOTHER_ALREADY_LOGGED_IN USER_TOO_MANY_TYPES WRAPPED_KEY_INVALID WRAPPED_KEY_LEN_RANGE
		WRAPPING_KEY_HANDLE_INVALID WRAPPING_KEY_SIZE_RANGE WRAPPING_KEY_TYPE_INCONSISTENT RANDOM_SEED_NOT_SUPPORTED
		RANDOM_NO_RNG DOMAIN_PARAMS_INVALID CURVE_NOT_SUPPORTED BUFFER_TOO_SMALL SAVED_STATE_INVALID
		INFORMATION_SENSITIVE STATE_UNSAVEABLE CRYPTOKI_NOT_INITIALIZED CRYPTOKI_ALREADY_INITIALIZED MUTEX_BAD
		MUTEX_NOT_LOCKED NEW_PIN_MODE NEXT_OTP EXCEEDED_MAX_ITERATIONS FIPS_SELF_TEST_FAILED LIBRARY_LOAD_FAILED
		PIN_TOO_WEAK PUBLIC_KEY_INVALID FUNCTION_REJECTED`,
	"v3.0": `AEAD_DECRYPT_FAILED TOKEN_RESOURCE_EXCEEDED OPERATION_CANCEL_FAILED`,
	"v3.1": `KEY_EXHAUSTED`,
	"v3.2": `
		PENDING SESSION_ASYNC_NOT_SUPPORTED SEED_RANDOM_REQUIRED OPERATION_NOT_VALIDATED TOKEN_NOT_INITIALIZED
		PARAMETER_SET_NOT_SUPPORTED`,
}

// later are the numbers that the binding does not name.
var later = map[string]uint{
	"CKR_ACTION_PROHIBITED": 0x1B, "CKR_CURVE_NOT_SUPPORTED": 0x140, "CKR_EXCEEDED_MAX_ITERATIONS": 0x1B5,
	"CKR_FIPS_SELF_TEST_FAILED": 0x1B6, "CKR_LIBRARY_LOAD_FAILED": 0x1B7, "CKR_PIN_TOO_WEAK": 0x1B8,
	"CKR_PUBLIC_KEY_INVALID":  0x1B9,
	"CKR_AEAD_DECRYPT_FAILED": 0x42, "CKR_KEY_EXHAUSTED": 0x203, "CKR_OPERATION_CANCEL_FAILED": 0x202,
	"CKR_TOKEN_RESOURCE_EXCEEDED": 0x201, "CKR_PENDING": 0x204, "CKR_SESSION_ASYNC_NOT_SUPPORTED": 0x205,
	"CKR_SEED_RANDOM_REQUIRED": 0x206, "CKR_OPERATION_NOT_VALIDATED": 0x207, "CKR_TOKEN_NOT_INITIALIZED": 0x208,
	"CKR_PARAMETER_SET_NOT_SUPPORTED": 0x209,
}

// TestComplete: one row for each return value of the standard, and no other.
func TestComplete(t *testing.T) {
	t.Parallel()
	rows := map[string]ckr.Value{}
	codes := map[uint]string{}
	last := uint(0)
	for _, v := range ckr.Values() {
		if _, twice := rows[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		if other, twice := codes[v.Code]; twice {
			t.Errorf("%s and %s are both 0x%X", other, v.Name, v.Code)
		}
		if v.Code <= last {
			t.Errorf("%s is out of order", v.Name)
		}
		rows[v.Name], codes[v.Code], last = v, v.Name, v.Code
	}
	for version, list := range names {
		for name := range strings.FieldsSeq(list) {
			v, ok := rows["CKR_"+name]
			if !ok || v.Since != version {
				t.Errorf("CKR_%s: got a row %t of version %q, want one of %s", name, ok, v.Since, version)
			}
			delete(rows, "CKR_"+name)
		}
	}
	for name := range rows {
		t.Errorf("%s is in no version of the standard", name)
	}
}

// TestNumbers: the codes are the standard's.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, v := range ckr.Values() {
		if code, ok := later[v.Name]; ok {
			if v.Code != code {
				t.Errorf("%s: got 0x%X, want 0x%X", v.Name, v.Code, code)
			}
			continue
		}
		if got := raw.Error(v.Code).Error(); !strings.HasSuffix(got, ": "+v.Name) {
			t.Errorf("0x%X: got %s, want %s as the binding has it", v.Code, v.Name, got)
		}
	}
}

// TestConsistent: what a row says of one thing agrees with what it says of others.
func TestConsistent(t *testing.T) {
	t.Parallel()
	for _, v := range append(ckr.Values(), ckr.Of(0x7777), ckr.Of(ckr.VendorDefined+7), ckr.Of(^uint(0))) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if v.Message == "" || !slices.Contains(fault.Kinds(), v.Kind) || !slices.Contains(ckr.Classes(), v.Class) {
				t.Errorf("incomplete row %+v", v)
			}
			if v.Reason.Credential() != (v.Class == ckr.Credential) {
				t.Errorf("class %s has reason %q", v.Class, v.Reason)
			}
			if (v.Kind == fault.Unavailable) != (v.Reason != "") {
				t.Errorf("kind %s has reason %q", v.Kind, v.Reason)
			}
			if v.Keeps && v.Class != ckr.Request {
				t.Errorf("a session is kept after a fault of class %s", v.Class)
			}
			if v.Untried && v.Kind != fault.Unavailable {
				t.Errorf("kind %s says that nothing was done, which only another connection would care for", v.Kind)
			}
			want, ok := consistent[v.Class]
			if !ok {
				t.Fatalf("no rule for class %s", v.Class)
			}
			if !slices.Contains(want.kinds, v.Kind) || !slices.Contains(want.health, v.Health) || v.Step != want.step {
				t.Errorf("class %s has kind %s, health %s and step %s, want %+v", v.Class, v.Kind, v.Health, v.Step, want)
			}
		})
	}
}

type rule struct {
	kinds  []fault.Kind
	health []ckr.Health
	step   healing.Step
}

var (
	unavailable = []fault.Kind{fault.Unavailable}
	consistent  = map[ckr.Class]rule{
		ckr.Request: {
			[]fault.Kind{fault.Invalid, fault.Denied, fault.NotFound, fault.Unsupported},
			[]ckr.Health{ckr.Fine},
			healing.None,
		},
		ckr.Credential: {unavailable, []ckr.Health{ckr.Bad}, healing.None},
		ckr.Capacity:   {unavailable, []ckr.Health{ckr.Ask}, healing.None},
		ckr.Session:    {unavailable, []ckr.Health{ckr.Ask}, healing.NewSession},
		ckr.Login:      {unavailable, []ckr.Health{ckr.Ask}, healing.NewLogin},
		ckr.Library:    {unavailable, []ckr.Health{ckr.Ask, ckr.Bad}, healing.NewLibrary},
		ckr.Worker:     {unavailable, []ckr.Health{ckr.Bad}, healing.NewWorker},
		ckr.Unclear:    {[]fault.Kind{fault.Internal}, []ckr.Health{ckr.Ask}, healing.NewSession},
	}
)

// TestOrder: an error that leaves the adapter leads to the step of its row, or to
// the first that is left when the adapter has taken the lower ones itself.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, v := range ckr.Values() {
		want := v.Step
		if v.Class.TokensFault() {
			want = max(v.Step, healing.NewLibrary)
		}
		if v.Class == ckr.Unclear {
			want = healing.None // it is unclear no more when it leaves
		}
		err := fault.New(v.Kind, "%s", v.Message).Because(v.Reason)
		if got := healing.First(err); got != want {
			t.Errorf("%s: got step %q, want %q", v.Name, got, want)
		}
	}
}

// TestUnknown: what is not in the table is unclear, and keeps its number.
func TestUnknown(t *testing.T) {
	t.Parallel()
	want := map[uint]string{
		0x4: "0x00000004", 0x7fffffff: "0x7FFFFFFF", ckr.VendorDefined: "CKR_VENDOR_DEFINED+0x0",
		ckr.VendorDefined + 0x30: "CKR_VENDOR_DEFINED+0x30",
	}
	for _, code := range slices.Sorted(maps.Keys(want)) {
		if got := ckr.Of(code); got.Class != ckr.Unclear || got.Name != want[code] || got.Code != code {
			t.Errorf("0x%X: got %+v, want it unclear, and called %s", code, got, want[code])
		}
	}
}
