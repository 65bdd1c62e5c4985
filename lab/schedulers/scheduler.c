/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scheduler.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void scheduling_note(struct scheduling *s, const char *line)
{
	size_t n = strlen(line);
	char *p = realloc(s->commands, s->commands_size + n + 2);

	if (!p)
		return; /* a note less */
	memcpy(p + s->commands_size, line, n);
	s->commands_size += n;
	p[s->commands_size++] = '\n';
	p[s->commands_size] = 0;
	s->commands = p;
}

char *scheduling_commands(struct scheduling *s)
{
	s->commands_size = 0;
	return TAKE_PTR(s->commands);
}

int scheduling_run(struct scheduling *s, struct errtext *e, const char *fmt, ...)
{
	char lines[1000], *save = NULL;
	va_list args;
	int r = 0;

	va_start(args, fmt);
	vsnprintf(lines, sizeof(lines), fmt, args);
	va_end(args);
	for (char *l = strtok_r(lines, "\n", &save); r == 0 && l; l = strtok_r(NULL, "\n", &save)) {
		scheduling_note(s, l);
		r = proc_run(s->topo->host, NULL, e, "%s", l);
	}
	return r;
}
