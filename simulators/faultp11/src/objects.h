// objects.h: what object handles mean while a rule interferes with them.
#ifndef FAULTP11_OBJECTS_H
#define FAULTP11_OBJECTS_H

#include "rules.h"
#include "wrap.h"

// objects_in translates the handles that the caller gives; false: one is no
// longer valid. objects_out translates those that the real module gave.
bool objects_in(struct call *c, struct ruleset *set);
void objects_out(struct call *c, struct ruleset *set);
// objects_invalidate makes all handles that were given out until now invalid.
void objects_invalidate(void);

#endif
