#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "sessions.h"

static const struct action *action_of(const struct rule *r, enum action_kind kind)
{
	for (unsigned i = 0; i < r->action_count; i++)
		if (r->actions[i].kind == kind)
			return &r->actions[i];
	return NULL;
}

// absent tells whether the rule takes the token away, from this process.
static bool absent(struct rule *r)
{
	if (!rules_holds(r))
		return false;
	return action_of(r, action_token_absent) != NULL ||
	       (action_of(r, action_token_gone) != NULL && !atomic_load(&r->cured));
}

static void answer(struct call *c, CK_RV value)
{
	c->answered = true;
	c->answer = value;
}

static bool slot_absent(struct ruleset *set, CK_SLOT_ID slot)
{
	for (struct rule *r = set->rules; r < set->rules + set->count; r++)
		if ((!r->has_slot || r->slot == slot) && absent(r))
			return true;
	return false;
}

void token_no_slots(struct call *c)
{
	if (c->function != function_C_GetSlotList || c->size == NULL)
		return;
	*c->size = 0;
	answer(c, CKR_OK);
}

// slot_list answers C_GetSlotList without the slots whose tokens are away.
static void slot_list(struct call *c, struct ruleset *set)
{
	CK_ULONG n = 0, kept = 0;
	CK_RV real = real_module->C_GetSlotList(CK_TRUE, NULL, &n);
	CK_SLOT_ID *slots = calloc(n + 1, sizeof *slots);

	if (real == CKR_OK && slots != NULL)
		real = real_module->C_GetSlotList(CK_TRUE, slots, &n);
	for (CK_ULONG i = 0; real == CKR_OK && slots != NULL && i < n; i++)
		if (!slot_absent(set, slots[i])) {
			if (c->out != NULL && kept < c->room)
				((CK_SLOT_ID *)c->out)[kept] = slots[i];
			kept++;
		}
	free(slots);
	if (real == CKR_OK) {
		if (c->out != NULL && kept > c->room)
			real = CKR_BUFFER_TOO_SMALL;
		*c->size = kept;
	}
	answer(c, real);
}

static void session_call(struct call *c, struct rule *r)
{
	CK_SLOT_ID slot = c->slot;

	if (!c->has_slot && !sessions_slot(*c->session, &slot))
		return; // never was a session: the usual answer
	if (!r->has_slot || r->slot == slot)
		answer(c, CKR_DEVICE_REMOVED);
}

static void apply(struct call *c, struct ruleset *set, struct rule *r)
{
	if (!atomic_exchange(&r->noticed, true))
		sessions_lose_all(r->has_slot ? &r->slot : NULL);
	if (c->function == function_C_GetSlotList) {
		if (c->present && c->size != NULL)
			slot_list(c, set);
	} else if (c->session != NULL)
		session_call(c, r);
	else if (c->has_slot && (!r->has_slot || r->slot == c->slot) && c->function != function_C_GetSlotInfo)
		answer(c, CKR_TOKEN_NOT_PRESENT);
}

void token_before(struct call *c, struct ruleset *set)
{
	for (struct rule *r = set->rules; r < set->rules + set->count && !c->answered; r++)
		if (r->standing && absent(r))
			apply(c, set, r);
}

// fill writes text into a field that is padded with blanks.
static void fill(CK_UTF8CHAR *field, size_t room, const char *text)
{
	size_t n = strlen(text);

	if (n == 0)
		return;
	memset(field, ' ', room);
	memcpy(field, text, n < room ? n : room);
}

void token_after(struct call *c, struct ruleset *set)
{
	if (c->result == NULL || !c->has_slot)
		return;
	if (c->function == function_C_GetSlotInfo && slot_absent(set, c->slot))
		((CK_SLOT_INFO *)c->result)->flags &= ~CKF_TOKEN_PRESENT;
	if (c->function != function_C_GetTokenInfo)
		return;
	CK_TOKEN_INFO *info = c->result;
	for (struct rule *r = set->rules; r < set->rules + set->count; r++) {
		const struct action *as = action_of(r, action_token_as);
		if (as == NULL || (r->has_slot && r->slot != c->slot) || !rules_holds(r))
			continue;
		fill(info->label, sizeof info->label, as->label);
		fill(info->serialNumber, sizeof info->serialNumber, as->serial);
		return;
	}
}

void token_initialised(const struct call *c, struct ruleset *set)
{
	for (struct rule *r = set->rules; r < set->rules + set->count; r++)
		if (r != c->rule && action_of(r, action_token_gone) != NULL && atomic_load(&r->state->fired) > 0)
			atomic_store(&r->cured, true);
}
