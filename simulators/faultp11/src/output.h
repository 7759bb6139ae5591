// output.h: results that are shorter, longer or other than the real module gave.
#ifndef FAULTP11_OUTPUT_H
#define FAULTP11_OUTPUT_H

#include "rules.h"
#include "wrap.h"

// output_change takes the action, if it is one about results, on what a call
// that succeeded has written.
void output_change(struct call *c, const struct action *a);

#endif
