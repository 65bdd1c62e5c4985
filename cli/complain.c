// SPDX-License-Identifier: GPL-2.0-or-later
#include "complain.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *running_verb;

void complain_as(const char *verb)
{
	running_verb = verb;
}

int complain(const char *fmt, ...)
{
	char text[1024], line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printable(text, strlen(text), line, sizeof(line));
	if (running_verb)
		fprintf(stderr, "divvy: %s: %s\n", running_verb, line);
	else
		fprintf(stderr, "divvy: %s\n", line);
	return EXIT_FAILURE;
}
