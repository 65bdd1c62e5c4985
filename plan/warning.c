// SPDX-License-Identifier: GPL-2.0-or-later
#include "warning.h"

#include "base/array.h"
#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void warning_list_free(struct warning_list *l)
{
	free(l->list);
	*l = (struct warning_list){ 0 };
}

void warning_list_freep(struct warning_list *l)
{
	warning_list_free(l);
}

int warning_add(struct warning_list *l, const char *kind, const char *subject, const char *fmt, ...)
{
	struct warning *w;
	char text[sizeof(w->text)];
	va_list ap;

	if (array_reserve(&l->list, l->n, sizeof(*l->list)) < 0)
		return -ENOMEM;
	w = &l->list[l->n++];
	snprintf(w->key, sizeof(w->key), "%s %s", kind, subject);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printable(text, strlen(text), w->text, sizeof(w->text));
	return 0;
}

const struct warning *warning_find(const struct warning_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].key, key) == 0)
			return &l->list[i];
	return NULL;
}
