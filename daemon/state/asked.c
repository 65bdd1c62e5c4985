// SPDX-License-Identifier: GPL-2.0-or-later
#include "asked.h"

#include "base/event.h"

#include <inttypes.h>
#include <stdio.h>

void asked_done(const char *verb, const char *name, const char *uplink, const char *direction, const char *what)
{
	const struct event e = { .kind = EVENT_CHANGE,
				 .priority = LOG_INFO,
				 .device = name,
				 .uplink = uplink,
				 .direction = direction,
				 .fields = { { "verb", verb, 0 }, { "what", what, 0 } } };

	event_tell(&e, "%s: %s", verb, what);
}

void asked_refused(struct asked *a, const char *verb, const struct spec_error *err, uint64_t now_ns)
{
	const struct event e = { .kind = EVENT_REFUSED,
				 .priority = LOG_NOTICE,
				 .fields = { { "verb", verb, 0 },
					     { "message", err->text, 0 },
					     { "line", NULL, err->line },
					     { "column", NULL, err->column },
					     { "untold", NULL, (int64_t)a->untold } } };
	char place[32] = "", more[64] = "";

	if (!a->window_ns || now_ns - a->window_ns >= ASKED_WINDOW_NS) {
		a->window_ns = now_ns;
		a->told = 0;
	}
	if (a->told == ASKED_REFUSALS_MAX) {
		a->untold++;
		return;
	}
	a->told++;
	if (err->line)
		snprintf(place, sizeof(place), "line %" PRIu32 ": ", err->line);
	if (a->untold)
		snprintf(more, sizeof(more), " (and %" PRIu64 " more before)", a->untold);
	a->untold = 0;
	event_tell(&e, "%s refused: %s%s%s", verb, place, err->text, more);
}
