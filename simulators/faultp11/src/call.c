// call.c: one call from beginning to end. The rule that matches is a sequence of
// actions; those before "call" are taken before the real function, the others
// after it.
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "counts.h"
#include "log.h"
#include "objects.h"
#include "output.h"
#include "rules.h"
#include "sessions.h"
#include "token.h"
#include "wrap.h"

static atomic_bool initialised;

static void pause_ns(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (nanosleep(&t, &t) != 0)
		;
}

// hang waits until the rule is no longer in the file, or is over, or for this long.
static void hang(const struct rule *r, uint64_t ns)
{
	uint64_t start = now_ns();

	while (rules_stands(r) && (ns == 0 || now_ns() - start < ns))
		pause_ns(2000000);
}

__attribute__((noreturn)) static void crash(const struct action *a)
{
	switch (a->crash) {
	case crash_segv: // by the default action: the caller's handler has no part in it
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case crash_kill:
		raise(SIGKILL);
		break;
	case crash_exit:
		_exit((int)a->number);
	case crash_abort:
		break;
	}
	signal(SIGABRT, SIG_DFL);
	abort();
}

// lose_login logs out for real, in the call's session or one of its own.
static void lose_login(struct call *c)
{
	CK_SESSION_HANDLE session;

	if (c->open != NULL)
		real_module->C_Logout(atomic_load(&c->open->real));
	else if (c->has_slot && real_module->C_OpenSession(c->slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK) {
		real_module->C_Logout(session);
		real_module->C_CloseSession(session);
	}
}

static void take(struct call *c, const struct action *a)
{
	switch (a->kind) {
	case action_return:
		c->answered = true;
		c->answer = a->number;
		break;
	case action_delay:
		pause_ns(a->number);
		break;
	case action_hang:
		hang(c->rule, a->number);
		break;
	case action_crash:
		crash(a);
	case action_freeze:
		raise(SIGSTOP);
		break;
	case action_lose_session:
		if (c->open != NULL)
			sessions_lose(c->open);
		break;
	case action_lose_sessions:
		sessions_lose_all(c->rule->has_slot ? &c->rule->slot : NULL);
		break;
	case action_lose_login:
		lose_login(c);
		break;
	case action_handles_invalid:
		objects_invalidate();
		break;
	case action_slots_empty:
		token_no_slots(c);
		break;
	case action_call: // where call_begin stops
	case action_token_absent: // these hold from now on, see token.c and objects.c
	case action_token_gone:
	case action_token_as:
	case action_handles_shuffle:
	case action_handles_confuse:
	case action_flip: // these are for results, see output.c
	case action_truncate:
	case action_keep:
	case action_grow:
	case action_size:
		break;
	}
}

// begin_rule takes the actions up to "call" or to an answer.
static void begin_rule(struct call *c)
{
	const struct rule *r = c->rule;

	log_fault("fault %s line %u: %s", function_name(c->function), r->line, r->text);
	while (c->next < r->action_count && !c->answered) {
		const struct action *a = &r->actions[c->next++];
		if (a->kind == action_call)
			return;
		take(c, a);
	}
}

static void answer(struct call *c, CK_RV value)
{
	c->answered = true;
	c->answer = value;
}

// translate puts the real module's handles in the place of the caller's.
static void translate(struct call *c, struct ruleset *set)
{
	if (c->session != NULL) {
		if (c->open != NULL && atomic_load(&c->open->state) == session_open)
			*c->session = atomic_load(&c->open->real);
		else if (atomic_load(&initialised))
			return answer(c, CKR_SESSION_HANDLE_INVALID);
		else
			*c->session = CK_INVALID_HANDLE; // the real module says what is wrong
	}
	if (!objects_in(c, set))
		answer(c, c->keys ? CKR_KEY_HANDLE_INVALID : CKR_OBJECT_HANDLE_INVALID);
}

bool call_begin(struct call *c)
{
	struct ruleset *set = rules_current();
	struct function_counts *f = &counts->functions[c->function];

	if (c->size != NULL && c->out != NULL && c->room == 0)
		c->room = *c->size;
	atomic_fetch_add_explicit(&f->calls, 1, memory_order_relaxed);
	if (c->session != NULL && (c->open = sessions_use(*c->session)) != NULL) {
		c->has_slot = true;
		c->slot = atomic_load(&c->open->slot);
	}
	if (set->count > 0) {
		c->rule = rules_match(set, c);
		if (c->rule != NULL)
			begin_rule(c);
		if (set->standing && !c->answered)
			token_before(c, set);
		if (c->rule != NULL || c->answered)
			atomic_fetch_add_explicit(&f->faults, 1, memory_order_relaxed);
	}
	if (!c->answered)
		translate(c, set);
	if (c->answered)
		return false;
	atomic_fetch_add_explicit(&f->reached, 1, memory_order_relaxed);
	return c->reached = true;
}

// keep notes what a call that succeeded has done to sessions and handles.
static void keep(struct call *c, struct ruleset *set)
{
	switch (c->function) {
	case function_C_GetFunctionList:
		*(const CK_FUNCTION_LIST **)c->result = &wrapped_module;
		break;
	case function_C_Initialize:
		atomic_store(&initialised, true);
		token_initialised(c, set);
		break;
	case function_C_Finalize:
		atomic_store(&initialised, false);
		sessions_forget_all(NULL);
		break;
	case function_C_CloseAllSessions:
		sessions_forget_all(&c->slot);
		break;
	case function_C_CloseSession:
		if (c->open != NULL)
			sessions_closed(c->open);
		break;
	case function_C_OpenSession: {
		CK_SESSION_HANDLE *opened = c->result, real = *opened;
		*opened = sessions_add(real, c->slot);
		if (*opened == CK_INVALID_HANDLE) {
			real_module->C_CloseSession(real);
			answer(c, CKR_SESSION_COUNT);
		}
		break;
	}
	default:
		break;
	}
	objects_out(c, set);
	if (set->standing)
		token_after(c, set);
}

CK_RV call_end(struct call *c, CK_RV real)
{
	struct function_counts *f = &counts->functions[c->function];

	if (c->reached) {
		counts_outcome(f->real, real);
		c->answer = real;
		if (real == CKR_OK)
			keep(c, rules_current());
	}
	if (c->rule != NULL) {
		for (unsigned i = 0; c->reached && real == CKR_OK && i < c->rule->action_count; i++)
			output_change(c, &c->rule->actions[i]);
		while (c->reached && c->next < c->rule->action_count)
			take(c, &c->rule->actions[c->next++]);
	}
	if (c->open != NULL)
		sessions_done(c->open);
	counts_outcome(f->told, c->answer);
	return c->answer;
}
