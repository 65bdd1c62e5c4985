/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_causes.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void closep_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

void causes_free(struct causes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->c[i].workload);
		free(c->c[i].peer);
		free(c->c[i].measure);
		free(c->c[i].text);
	}
	free(c->c);
	*c = (struct causes){};
}

/* Without blanks at its ends, in place. */
static char *trimmed(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return s;
}

/* "a / b / c: text" after the dash. Names may hold a slash without blanks around it. */
static int parse(char *line, struct causes *out)
{
	char *one = strstr(line, " / "), *two = one ? strstr(one + 3, " / ") : NULL;
	char *colon = two ? strchr(two, ':') : NULL;
	struct cause *more, c;

	if (!colon || !*trimmed(colon + 1))
		return -EINVAL;
	*one = *two = *colon = 0;
	more = reallocarray(out->c, out->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	out->c = more;
	c = (struct cause){ strdup(trimmed(line)), strdup(trimmed(one + 3)), strdup(trimmed(two + 3)),
			    strdup(trimmed(colon + 1)) };
	out->c[out->n++] = c;
	return c.workload && c.peer && c.measure && c.text ? 0 : -ENOMEM;
}

static int go_on(struct causes *out, const char *more)
{
	char **text = &out->c[out->n - 1].text, *joined;

	if (asprintf(&joined, "%s %s", *text, more) < 0)
		return -ENOMEM;
	free(*text);
	*text = joined;
	return 0;
}

int causes_load(const char *path, bool asked, struct causes *out, struct errtext *e)
{
	_cleanup_(closep_file) FILE *f = fopen(path, "re");
	_cleanup_(causes_free) struct causes got = {};
	_cleanup_free_ char *line = NULL;
	bool inside = false;
	size_t size = 0;
	int r = 0;

	if (!f && errno == ENOENT && !asked)
		return 0;
	if (!f)
		return errtext_set(e, -errno, "%.400s: %s", path, strerror(errno));
	for (unsigned n = 1; r == 0 && getline(&line, &size, f) > 0; n++) {
		bool item = strncmp(line, "- ", 2) == 0;

		if (item)
			r = parse(line + 2, &got);
		else if (inside && isblank((unsigned char)line[0]) && *trimmed(line))
			r = go_on(&got, trimmed(line));
		inside = item || (inside && isblank((unsigned char)line[0]));
		if (r == -EINVAL)
			return errtext_set(e, r,
					   "%.300s:%u: \"- WORKLOAD / PEER / MEASURE: cause\" was expected",
					   path, n);
	}
	if (r < 0)
		return errtext_set(e, r, "out of memory");
	*out = got;
	got = (struct causes){};
	return 0;
}

static bool fits(const char *pattern, const char *name)
{
	return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

const char *causes_find(const struct causes *c, const char *workload, const char *peer, const char *measure)
{
	for (size_t i = 0; i < c->n; i++)
		if (fits(c->c[i].workload, workload) && fits(c->c[i].peer, peer) &&
		    fits(c->c[i].measure, measure))
			return c->c[i].text;
	return NULL;
}
