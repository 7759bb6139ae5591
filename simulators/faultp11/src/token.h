// token.h: tokens that are not there, or are others than they were, for as long
// as a rule holds.
#ifndef FAULTP11_TOKEN_H
#define FAULTP11_TOKEN_H

#include "rules.h"
#include "wrap.h"

// token_before answers the call if its token is not there (c->answered).
void token_before(struct call *c, struct ruleset *set);
// token_after changes what the real module says of a token.
void token_after(struct call *c, struct ruleset *set);
// token_initialised says that this process has called C_Initialize: c is the call.
void token_initialised(const struct call *c, struct ruleset *set);
void token_no_slots(struct call *c);

#endif
