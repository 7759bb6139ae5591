// rules.h: the rules of the rule file. The format is described in README.md.
// A set of rules is read, published, and from then on only its counts change;
// old sets are kept, for a call may still be working by them.
#ifndef FAULTP11_RULES_H
#define FAULTP11_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "wrap.h"

enum action_kind {
	action_call,
	action_return,
	action_delay,
	action_hang,
	action_crash,
	action_freeze,
	action_lose_session,
	action_lose_sessions,
	action_lose_login,
	action_token_absent,
	action_token_gone,
	action_token_as,
	action_handles_shuffle,
	action_handles_confuse,
	action_handles_invalid,
	action_slots_empty,
	action_flip,
	action_truncate,
	action_keep,
	action_grow,
	action_size,
};

enum crash { crash_abort, crash_segv, crash_kill, crash_exit };

struct action {
	enum action_kind kind;
	uint64_t number;     // ns, CKR, count or exit status
	enum crash crash;    // of action_crash
	char sign;           // of action_size: '+', '-' or '='
	char label[33], serial[17]; // of action_token_as; empty: unchanged
};

enum { actions_room = 8, rules_room = 256, rule_text = 512 };

struct rule {
	unsigned line;
	char text[rule_text];
	bool functions[function_count];

	bool has_slot, first_process, each_process, has_probability;
	CK_SLOT_ID slot;
	uint64_t nth, from, every, times, open; // 0: no such condition
	uint64_t lasts, after;                  // ns
	uint64_t seed;
	double probability;

	struct action actions[actions_room];
	unsigned action_count;
	bool standing; // has an action that holds for as long as the rule stands

	struct rule_state *state, own;
	atomic_bool noticed; // this process has lost its sessions for it
	atomic_bool cured;   // this process has initialised since
};

struct ruleset {
	struct ruleset *before;
	unsigned count;
	bool standing; // some rule is
	struct rule rules[];
};

// rules_current reads the rule file again if it has changed, and returns the
// rules in force.
struct ruleset *rules_current(void);
// rules_match returns the first rule that acts on this call, or NULL, and counts.
struct rule *rules_match(struct ruleset *set, const struct call *c);
// rules_holds tells whether a standing rule has fired and is not over.
bool rules_holds(struct rule *r);
// rules_stands tells whether the rule is still in the file and not over.
bool rules_stands(const struct rule *r);

uint64_t now_ns(void);

// parse_rules reads the text of a rule file. On a mistake it returns false, with
// the line and what is wrong with it.
bool parse_rules(char *text, struct ruleset *set, unsigned *line, char *wrong, size_t room);
// error_value and error_name translate between CKR names and numbers.
bool error_value(const char *name, CK_RV *value);
const char *error_name(CK_RV value);
const char *function_name(enum function f);

#endif
