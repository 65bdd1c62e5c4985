// SPDX-License-Identifier: GPL-2.0-or-later
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *running_verb;

void complain_as(const char *verb)
{
	running_verb = verb;
}

int complain(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (running_verb)
		fprintf(stderr, "divvy: %s: %s\n", running_verb, line);
	else
		fprintf(stderr, "divvy: %s\n", line);
	return EXIT_FAILURE;
}
