// SPDX-License-Identifier: GPL-2.0-or-later
#include "event.h"

#include "log.h"
#include "printable.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *const event_names[N_EVENT_KINDS] = {
	[EVENT_BIND] = "bind",
	[EVENT_UNBIND] = "unbind",
	[EVENT_WAITING] = "waiting",
	[EVENT_CHANGE] = "change",
	[EVENT_REFUSED] = "refused",
	[EVENT_REPAIRED] = "repaired",
	[EVENT_NOT_DIVIDED] = "not-divided",
	[EVENT_DIVIDED] = "divided",
	[EVENT_VIOLATION] = "violation",
	[EVENT_SETTLED] = "settled",
	[EVENT_WARNING] = "warning",
};

static struct {
	event_listener *fn;
	void *arg;
} listener;

void event_listen(event_listener *fn, void *arg)
{
	listener.fn = fn;
	listener.arg = arg;
}

void event_tell(const struct event *e, const char *fmt, ...)
{
	char raw[EVENT_TEXT_SIZE], text[EVENT_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	printable(raw, strlen(raw), text, sizeof(text));
	if (e->priority != EVENT_UNLOGGED)
		log_line(e->priority, "%s", text);
	if (listener.fn)
		listener.fn(listener.arg, e, text);
}
