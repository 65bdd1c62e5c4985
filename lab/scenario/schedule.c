/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "schedule.h"

#include "base/cleanup.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t{}"

/*
 * The next "key: value" of *p, which is moved on. 1, 0 at the end, -EINVAL. Not terminated: lengths are
 * given.
 */
static int next_pair(const char **p, const char **key, size_t *key_len, const char **value, size_t *value_len)
{
	const char *start = *p + strspn(*p, BLANKS ","), *end, *colon;

	if (!*start)
		return 0;
	end = start + strcspn(start, ",");
	colon = memchr(start, ':', (size_t)(end - start));
	*p = end;
	if (!colon)
		return -EINVAL;
	*key = start;
	*key_len = (size_t)(colon - start);
	*value = colon + 1 + strspn(colon + 1, BLANKS);
	while (end > *value && strchr(BLANKS, end[-1]))
		end--;
	if (*key_len == 0 || end <= *value)
		return -EINVAL;
	*value_len = (size_t)(end - *value);
	return 1;
}

bool schedule_value(const char *text, const char *key, char *value, size_t size)
{
	const char *k, *v;
	size_t kn, vn;

	while (text && next_pair(&text, &k, &kn, &v, &vn) > 0) {
		if (kn != strlen(key) || strncmp(k, key, kn) != 0 || vn >= size)
			continue;
		memcpy(value, v, vn);
		value[vn] = 0;
		return true;
	}
	return false;
}

static bool has_key(const char *text, const char *key, size_t key_len)
{
	const char *k, *v;
	size_t kn, vn;

	while (next_pair(&text, &k, &kn, &v, &vn) > 0)
		if (kn == key_len && strncmp(k, key, kn) == 0)
			return true;
	return false;
}

/* Add the pairs of text to out, but for those that except has, too. */
static int add_pairs(const char *text, const char *except, char *out, size_t size)
{
	const char *k, *v;
	size_t kn, vn;
	int r;

	while ((r = next_pair(&text, &k, &kn, &v, &vn)) > 0) {
		size_t used = strlen(out);

		if (except && has_key(except, k, kn))
			continue;
		snprintf(out + used, size - used, "%s%.*s: %.*s", used > 1 ? ", " : "", (int)kn, k, (int)vn, v);
	}
	return r;
}

int schedule_override(const char *text, const char *over, char **ret)
{
	const char *base = text ? text : "resource: cpu";
	/*
	 * Each pair grows by less than what stands between it and the next, but for the first and the braces.
	 */
	size_t size = 2 * (strlen(base) + strlen(over)) + 16;
	_cleanup_free_ char *out = calloc(1, size);
	int r;

	if (!out)
		return -ENOMEM;
	strcpy(out, "{");
	r = add_pairs(base, over, out, size);
	if (r == 0)
		r = add_pairs(over, NULL, out, size);
	if (r < 0)
		return r;
	strcat(out, "}");
	*ret = TAKE_PTR(out);
	return 0;
}

int schedule_check(const char *text, char why[SCHEDULE_WHY_SIZE])
{
	_cleanup_free_ char *spec = NULL;
	struct spec_error err;
	struct model m;
	int r;

	if (asprintf(&spec,
		     "schedule: %s\nuplinks: [{name: x, capacity: 1gbit, devices: [{name: x, nic: x}]}]\n",
		     text) < 0) {
		spec = NULL;
		snprintf(why, SCHEDULE_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}
	r = spec_parse(spec, strlen(spec), &m, &err);
	if (r < 0)
		snprintf(why, SCHEDULE_WHY_SIZE, "%s", err.text);
	else
		model_free(&m);
	return r;
}
