// parse.c: from the text of the rule file to rules. One line, one rule:
//
//	functions condition… -> action, action…
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

enum { words_room = 64 };

struct parser {
	struct rule *rule;
	char *words[words_room + 1]; // NULL at the end; "," and "->" are words
	char **word;
	char *wrong;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct parser *p, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(p->wrong, p->room, format, list);
	va_end(list);
	return false;
}

// next returns the next word of the line, or "" at its end.
static const char *next(struct parser *p)
{
	return *p->word == NULL ? "" : *p->word++;
}

static bool is(struct parser *p, const char *word)
{
	if (*p->word == NULL || strcmp(*p->word, word) != 0)
		return false;
	p->word++;
	return true;
}

// split cuts the line into words. Blanks in "quotes" do not cut; # ends the line.
static bool split(struct parser *p, char *line)
{
	unsigned n = 0;
	char *from = line, *to;

	for (;;) {
		from += strspn(from, " \t\r");
		if (*from == '\0' || *from == '#')
			break;
		if (n == words_room)
			return wrong(p, "too many words");
		if (*from == ',') {
			p->words[n++] = ",";
			from++;
			continue;
		}
		p->words[n++] = to = from;
		bool quoted = false;
		while (*from != '\0' && (quoted || strchr(" \t\r,#", *from) == NULL)) {
			if (*from == '"')
				quoted = !quoted;
			else
				*to++ = *from;
			from++;
		}
		if (quoted)
			return wrong(p, "a quote is not closed");
		char end = *from;
		bool comma = end == ',', more = end != '\0' && end != '#';
		*to = '\0';
		if (comma) {
			if (n == words_room)
				return wrong(p, "too many words");
			p->words[n++] = ",";
		}
		if (!more)
			break;
		from++;
	}
	p->words[n] = NULL;
	p->word = p->words;
	return true;
}

static bool number(struct parser *p, const char *what, uint64_t *value)
{
	const char *word = next(p);
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 0);
	if (*word < '0' || *word > '9' || *end != '\0' || errno != 0)
		return wrong(p, "%s: a number is missing", what);
	return true;
}

static bool positive(struct parser *p, const char *what, uint64_t *value)
{
	return number(p, what, value) && (*value > 0 || wrong(p, "%s: must be at least 1", what));
}

static bool duration(struct parser *p, const char *what, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
	const char *word = next(p);
	char *end;
	double value = strtod(word, &end);

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (*word >= '0' && *word <= '9' && strcmp(end, units[i].name) == 0 && value * units[i].ns < 1e18) {
			*ns = (uint64_t)(value * units[i].ns);
			return true;
		}
	return wrong(p, "%s: a duration such as 20ms is missing", what);
}

static bool functions(struct parser *p)
{
	char *save = NULL, *list = *p->word++;

	for (char *glob = strtok_r(list, "|", &save); glob != NULL; glob = strtok_r(NULL, "|", &save)) {
		bool any = false;
		for (int f = 0; f < function_count; f++)
			if (f != function_C_GetFunctionList && fnmatch(glob, function_name(f), 0) == 0)
				any = p->rule->functions[f] = true;
		if (!any)
			return wrong(p, "no function is called %s", glob);
	}
	return true;
}

static bool condition(struct parser *p)
{
	struct rule *r = p->rule;

	if (is(p, "slot")) {
		uint64_t slot;
		r->has_slot = true;
		if (!number(p, "slot", &slot))
			return false;
		r->slot = slot;
		return true;
	}
	if (is(p, "process")) {
		if (is(p, "first"))
			return (r->first_process = true);
		if (is(p, "each"))
			return (r->each_process = true);
		return wrong(p, "process: first or each");
	}
	if (is(p, "nth"))
		return positive(p, "nth", &r->nth);
	if (is(p, "from"))
		return positive(p, "from", &r->from);
	if (is(p, "every"))
		return positive(p, "every", &r->every);
	if (is(p, "times"))
		return positive(p, "times", &r->times);
	if (is(p, "once")) {
		r->times = 1;
		return true;
	}
	if (is(p, "open"))
		return positive(p, "open", &r->open);
	if (is(p, "for"))
		return duration(p, "for", &r->lasts);
	if (is(p, "after"))
		return duration(p, "after", &r->after);
	if (is(p, "seed"))
		return number(p, "seed", &r->seed);
	if (is(p, "probability")) {
		const char *word = next(p);
		char *end;
		r->has_probability = true;
		r->probability = strtod(word, &end);
		if (*word < '0' || *word > '9' || *end != '\0' || r->probability > 1)
			return wrong(p, "probability: a number from 0 to 1 is missing");
		return true;
	}
	return wrong(p, "no such condition: %s", next(p));
}

static bool take(struct action *a, enum action_kind kind)
{
	a->kind = kind;
	return true;
}

static bool crash(struct parser *p, struct action *a)
{
	a->kind = action_crash;
	if (is(p, "segv"))
		a->crash = crash_segv;
	else if (is(p, "kill"))
		a->crash = crash_kill;
	else if (is(p, "exit")) {
		a->crash = crash_exit;
		return number(p, "crash exit", &a->number);
	} else {
		is(p, "abort");
		a->crash = crash_abort;
	}
	return true;
}

static bool token(struct parser *p, struct action *a)
{
	if (is(p, "absent"))
		return take(a, action_token_absent);
	if (is(p, "gone"))
		return take(a, action_token_gone);
	if (!is(p, "as"))
		return wrong(p, "token: absent, gone or as");
	a->kind = action_token_as;
	while (*p->word != NULL && strcmp(*p->word, ",") != 0) {
		const char *word = next(p);
		if (strncmp(word, "label=", 6) == 0 && strlen(word + 6) < sizeof a->label)
			strcpy(a->label, word + 6);
		else if (strncmp(word, "serial=", 7) == 0 && strlen(word + 7) < sizeof a->serial)
			strcpy(a->serial, word + 7);
		else
			return wrong(p, "token as: label=… of at most 32 or serial=… of at most 16 bytes");
	}
	return a->label[0] != '\0' || a->serial[0] != '\0' || wrong(p, "token as: label=… or serial=… is missing");
}

static bool handles(struct parser *p, struct action *a)
{
	if (is(p, "shuffle"))
		return take(a, action_handles_shuffle);
	if (is(p, "confuse"))
		return take(a, action_handles_confuse);
	if (is(p, "invalid"))
		return take(a, action_handles_invalid);
	return wrong(p, "handles: shuffle, confuse or invalid");
}

static bool size(struct parser *p, struct action *a)
{
	char *word = *p->word;

	a->kind = action_size;
	if (word == NULL || strchr("+-=", *word) == NULL)
		return wrong(p, "size: +N, -N or =N");
	a->sign = *word;
	++*p->word;
	return number(p, "size", &a->number);
}

static bool action(struct parser *p)
{
	if (p->rule->action_count == actions_room)
		return wrong(p, "too many actions");
	struct action *a = &p->rule->actions[p->rule->action_count++];

	if (is(p, "call"))
		return take(a, action_call);
	if (is(p, "return")) {
		const char *name = next(p);
		CK_RV value;
		a->kind = action_return;
		if (!error_value(name, &value))
			return wrong(p, "return: no such CKR: %s", name);
		a->number = value;
		return true;
	}
	if (is(p, "delay"))
		return take(a, action_delay) && duration(p, "delay", &a->number);
	if (is(p, "hang")) {
		a->kind = action_hang;
		if (*p->word != NULL && strcmp(*p->word, ",") != 0)
			return duration(p, "hang", &a->number);
		return true;
	}
	if (is(p, "crash"))
		return crash(p, a);
	if (is(p, "freeze"))
		return take(a, action_freeze);
	if (is(p, "lose")) {
		if (is(p, "session"))
			return take(a, action_lose_session);
		if (is(p, "sessions"))
			return take(a, action_lose_sessions);
		if (is(p, "login"))
			return take(a, action_lose_login);
		return wrong(p, "lose: session, sessions or login");
	}
	if (is(p, "token"))
		return token(p, a);
	if (is(p, "handles"))
		return handles(p, a);
	if (is(p, "slots"))
		return is(p, "empty") ? take(a, action_slots_empty) : wrong(p, "slots: empty");
	if (is(p, "flip"))
		return take(a, action_flip);
	if (is(p, "truncate"))
		return take(a, action_truncate) && positive(p, "truncate", &a->number);
	if (is(p, "keep"))
		return take(a, action_keep) && number(p, "keep", &a->number);
	if (is(p, "grow"))
		return take(a, action_grow) && positive(p, "grow", &a->number);
	if (is(p, "size"))
		return size(p, a);
	return wrong(p, "no such action: %s", next(p));
}

static bool rule(struct parser *p)
{
	struct rule *r = p->rule;

	if (!functions(p))
		return false;
	while (*p->word != NULL && strcmp(*p->word, "->") != 0)
		if (!condition(p))
			return false;
	if (!is(p, "->"))
		return wrong(p, "-> and an action are missing");
	do
		if (!action(p))
			return false;
	while (is(p, ","));
	if (*p->word != NULL)
		return wrong(p, "not understood: %s", *p->word);
	for (unsigned i = 0; i < r->action_count; i++)
		if (r->actions[i].kind >= action_token_absent && r->actions[i].kind <= action_handles_confuse)
			r->standing = true;
	return true;
}

bool parse_rules(char *text, struct ruleset *set, unsigned *line, char *wrong_text, size_t room)
{
	char *end;

	for (*line = 1; text != NULL; text = end, ++*line) {
		end = strchr(text, '\n');
		if (end != NULL)
			*end++ = '\0';
		char *start = text + strspn(text, " \t\r");
		if (*start == '\0' || *start == '#')
			continue;
		struct parser p = {.wrong = wrong_text, .room = room};
		if (set->count == rules_room)
			return wrong(&p, "more than %d rules", rules_room);
		p.rule = &set->rules[set->count];
		if (strlen(start) >= sizeof p.rule->text)
			return wrong(&p, "longer than %d bytes", rule_text - 1);
		strcpy(p.rule->text, start);
		p.rule->line = *line;
		if (!split(&p, start) || !rule(&p))
			return false;
		set->count++;
		set->standing |= p.rule->standing;
	}
	return true;
}
