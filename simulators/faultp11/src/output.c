#include "output.h"

// resize returns the length that is told for n units of a buffer with this much room.
static CK_ULONG resize(const struct action *a, CK_ULONG n, CK_ULONG room)
{
	switch (a->kind) {
	case action_truncate:
		return n > a->number ? n - a->number : 0;
	case action_keep:
		return n < a->number ? n : a->number;
	case action_grow: // never beyond the caller's buffer: the caller is not to be harmed, but misled
		return n + a->number <= room ? n + a->number : room > n ? room : n;
	default:
		return n;
	}
}

// question returns the length that is told to a caller who asks how much room is needed.
static CK_ULONG question(const struct action *a, CK_ULONG n)
{
	if (a->kind != action_size)
		return n;
	if (a->sign == '+')
		return n + a->number;
	if (a->sign == '-')
		return n > a->number ? n - a->number : 0;
	return a->number;
}

static void flip(void *data, CK_ULONG bytes)
{
	if (bytes > 0)
		((CK_BYTE *)data)[bytes / 2] ^= 1;
}

// Only attributes longer than a number are changed: a wrong class or flag is
// another fault than a wrong key.
static void attribute(CK_ATTRIBUTE *t, const struct action *a)
{
	if (t->ulValueLen == CK_UNAVAILABLE_INFORMATION)
		return;
	if (t->pValue == NULL) {
		t->ulValueLen = question(a, t->ulValueLen);
		return;
	}
	if (t->ulValueLen <= sizeof(CK_ULONG))
		return;
	if (a->kind == action_flip)
		flip(t->pValue, t->ulValueLen);
	t->ulValueLen = resize(a, t->ulValueLen, t->ulValueLen);
}

void output_change(struct call *c, const struct action *a)
{
	if (a->kind < action_flip)
		return;
	for (CK_ULONG i = 0; c->template != NULL && i < c->attributes; i++)
		attribute(&c->template[i], a);
	if (c->size == NULL)
		return;
	if (c->out == NULL) {
		*c->size = question(a, *c->size);
		return;
	}
	if (a->kind == action_flip)
		flip(c->out, *c->size * c->unit);
	*c->size = resize(a, *c->size, c->room);
}
