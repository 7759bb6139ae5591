// wrap.h: one call of a PKCS#11 function on its way through the module.
//
// module.c fills in what the function's parameters are, asks call_begin whether
// the real function is to be called, calls it, and tells the caller what
// call_end says. Handles are translated in place: the struct points at the
// wrapper's own copies of the parameters.
#ifndef FAULTP11_WRAP_H
#define FAULTP11_WRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "cryptoki.h"

struct rule;
struct session;

struct call {
	enum function function;

	// What goes in.
	bool has_slot;
	CK_SLOT_ID slot; // known too for calls in a session that is open
	CK_SESSION_HANDLE *session;
	CK_OBJECT_HANDLE *objects[2];
	bool present; // of C_GetSlotList: only slots with tokens
	bool keys; // the objects are keys that are used, not objects that are managed

	// What comes out.
	CK_OBJECT_HANDLE *made[2];
	CK_OBJECT_HANDLE *found; // array of *size handles
	CK_ATTRIBUTE *template;
	CK_ULONG attributes;
	void *out; // output of *size units; NULL asks for the size
	CK_ULONG *size, room;
	size_t unit;
	void *result; // a struct or a single handle

	// How it goes.
	const struct rule *rule;
	unsigned next; // action of the rule to be taken next
	struct session *open;
	bool reached, answered; // the real function was called; the rule or the token's state has answered
	CK_RV answer;
};

// call_begin takes the actions that come before the real call. False: it is not
// to be called.
bool call_begin(struct call *c);
// call_end takes the other actions, and returns what the caller is told. real is
// what the real function returned, if it was called.
CK_RV call_end(struct call *c, CK_RV real);

// The real module's functions, for the faults that are done for real.
extern const CK_FUNCTION_LIST *real_module;
// The functions that the caller gets.
extern const CK_FUNCTION_LIST wrapped_module;

#endif
