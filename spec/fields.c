/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fields.h"
#include "quote.h"

#include "base/printable.h"
#include "base/words.h"
#include "core/model.h"
#include "core/pattern.h"
#include "core/slots/policy.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static void *member(void *object, const struct field *f)
{
	return (char *)object + f->offset;
}

/* Whether each character prints. Bytes that are no UTF-8 do not. */
static bool prints(const char *text)
{
	size_t n = strlen(text), len;

	for (size_t i = 0; i < n; i += len) {
		uint32_t point = 0;

		len = utf8_decode(text + i, n - i, &point);
		if (len == 0 || utf8_is_unprintable(point))
			return false;
	}
	return true;
}

/* "veth100i0@if2" is how ip link writes an interface together with what it sits on, or its peer. */
static int refuse_peer(const char *text, char err[UNITS_ERR_SIZE])
{
	size_t n = strcspn(text, "@");
	char name[QUOTE_SIZE];

	if (n == 0 || n >= IFNAMSIZ || !text[n])
		return 0;
	return reject(err, text, "did you mean %s? What ip link writes behind '@' is another interface",
		      quote(text, n, name));
}

int field_name(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strspn(text, allowed);

	if (((const struct node *)object)->kind == NODE_UPLINK && refuse_peer(text, err) < 0)
		return -EINVAL;
	if (text[n] != '\0') {
		char quoted[QUOTE_SIZE];
		uint32_t point;
		size_t len = utf8_decode(text + n, strlen(text + n), &point);

		return reject(err, text, "%s in a name; expected %s", quote(text + n, len ? len : 1, quoted),
			      f->expected);
	}
	if (n == 0)
		return reject(err, text, "an empty name; expected %s", f->expected);
	if (n >= MODEL_NAME_SIZE)
		return reject(err, text, "%zu characters; expected %s", n, f->expected);
	memcpy(member(object, f), text, n + 1);
	return 0;
}

static void select_by(struct node *node, enum selector_kind kind, const char *text)
{
	node->select = kind;
	snprintf(node->selector, sizeof(node->selector), "%s", text);
}

/* The kernel's own rule: dev_valid_name() in net/core/dev.c. */
int field_nic(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	size_t n = strlen(text);

	if (refuse_peer(text, err) < 0)
		return -EINVAL;
	if (n == 0 || n >= IFNAMSIZ)
		return reject(err, text, "%zu characters; expected %s", n, f->expected);
	if (!prints(text))
		return reject(err, text, "a character that does not print; rename the interface, or use vm or mac");
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return reject(err, text, "no interface has this name; expected %s", f->expected);
	for (size_t i = 0; i < n; i++)
		if (text[i] == '/' || text[i] == ':' || isspace((unsigned char)text[i]) ||
		    iscntrl((unsigned char)text[i]))
			return reject(err, text, "no interface's name has a '/', ':' or blank; expected %s",
				      f->expected);
	select_by(object, SELECT_NIC, text);
	return 0;
}

/* VMMs allow nearly any character in a name. */
int field_vm(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	struct node *node = object;

	if (!text[0])
		return reject(err, text, "0 bytes; expected %s", f->expected);
	if (!prints(text))
		return reject(err, text, "a character that does not print; expected %s", f->expected);
	select_by(node, SELECT_VM, text);
	/* Of a VM's name that is as long, discover shows the beginning and a hash of all of it. */
	if (strlen(text) >= sizeof(node->selector))
		printable_name(text, node->selector, sizeof(node->selector));
	return 0;
}

/* With '*' for any digits and colons, and '?' for one. */
static int parse_mac_pattern(const char *text, char pattern[MODEL_NAME_SIZE], char err[UNITS_ERR_SIZE])
{
	static const char allowed[] = "0123456789abcdefABCDEF:*?";
	size_t n = strlen(text);

	if (n >= MODEL_NAME_SIZE || text[strspn(text, allowed)] != '\0')
		return reject(err, text,
			      "no pattern of a MAC address; expected digits, ':', '*' and '?', such as \"52:54:00:*\"");
	for (size_t i = 0; i <= n; i++)
		pattern[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

int field_mac(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	char mac[MODEL_NAME_SIZE];
	int r = pattern_is(text) ? parse_mac_pattern(text, mac, err) : units_parse_mac(text, mac, err);

	(void)f;
	if (r < 0)
		return r;
	select_by(object, SELECT_MAC, mac);
	return 0;
}

/* A pid, a cgroup, or the name of a network namespace: none has a character that does not print. */
int field_container(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	size_t n = strlen(text);

	if (n == 0 || n >= MODEL_SELECTOR_SIZE)
		return reject(err, text, "%zu bytes; expected %s", n, f->expected);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]) || text[i] == ' ')
			return reject(err, text, "a blank or control character; expected %s", f->expected);
	if (pattern_is(text))
		return reject(err, text,
			      "a pattern, which nic, vm and mac take; expected %s (a cgroup has all containers below it)",
			      f->expected);
	if (text[0] != '/' && strchr(text, '/'))
		return reject(err, text, "a '/' in the name of a network namespace; expected %s", f->expected);
	select_by(object, SELECT_CONTAINER, text);
	return 0;
}

int field_share(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	return units_parse_share(text, member(object, f), err);
}

static int parse_rate(const struct field *f, const char *text, struct rate *out, char err[UNITS_ERR_SIZE])
{
	struct rate rate = RATE_ZERO;
	int r = units_parse_rate(text, &rate, err);

	if (r < 0)
		return r;
	if (rate.bytes_ps < RATE_MIN_BYTES_PS)
		return reject(err, text, "below the smallest rate, 8kbit; expected %s", f->expected);
	*out = rate;
	return 0;
}

/* One of the two, and the other is as if it had never been said. */
int field_capacity(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	struct node *node = object;
	struct part part = { 0 };
	struct rate rate = RATE_UNLIMITED;
	bool of_link = strstr(text, "link") || strchr(text, '%');
	int r = of_link ? units_parse_of_link(text, &part, err) : parse_rate(f, text, &rate, err);

	if (r < 0)
		return r;
	node->of_link = part;
	node->limit = rate;
	return 0;
}

/* Without a ceiling. */
int field_limit(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	if (strcmp(text, "none") != 0)
		return parse_rate(f, text, member(object, f), err);
	*(struct rate *)member(object, f) = RATE_UNLIMITED;
	return 0;
}

/* Nothing is guaranteed. */
int field_reserve(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	if (strcmp(text, "none") != 0)
		return parse_rate(f, text, member(object, f), err);
	*(struct rate *)member(object, f) = RATE_ZERO;
	return 0;
}

/* 0: divvy chooses. */
int field_burst(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	uint64_t bytes = 0;
	int r = strcmp(text, "none") == 0 ? 0 : units_parse_size(text, &bytes, err);

	if (r < 0)
		return r;
	if (bytes > f->max || (bytes < f->min && strcmp(text, "none") != 0))
		return reject(err, text, "too %s; expected %s", bytes > f->max ? "large" : "small", f->expected);
	*(uint64_t *)member(object, f) = bytes;
	return 0;
}

int field_rx(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	struct node *node = object;

	if (strcmp(text, "same") != 0 && strcmp(text, "none") != 0)
		return reject(err, text, "not such a word; expected %s", f->expected);
	node->rx_mode = text[0] == 's' ? RX_SAME : RX_NONE;
	node->rx = (struct terms){ .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED };
	return 0;
}

int field_rx_capacity(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	struct node *node = object;
	struct rate rate = RATE_ZERO;

	if (strcmp(text, "same") == 0) {
		node->rx_mode = RX_NONE;
		return 0;
	}
	if (parse_rate(f, text, &rate, err) < 0)
		return -EINVAL;
	node->rx_mode = RX_OWN;
	node->rx.limit = rate;
	return 0;
}

int field_overhead(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	uint64_t bytes = 0;
	int r = units_parse_size(text, &bytes, err);

	if (r < 0)
		return r;
	if (bytes > f->max)
		return reject(err, text, "too large; expected %s", f->expected);
	*(uint16_t *)member(object, f) = (uint16_t)bytes;
	return 0;
}

/* At most as many are named in a message. */
#define POLICIES_MAX 12

static int refuse_word(const char *const *words, const char *text, char err[UNITS_ERR_SIZE])
{
	const char *near = words_nearest(words, text);
	char list[96];

	words_list(words, list, sizeof(list));
	if (near)
		return reject(err, text, "did you mean \"%s\"? Expected %s", near, list);
	return reject(err, text, "expected %s", list);
}

int field_word(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	for (unsigned int i = 0; f->words[i]; i++) {
		if (strcmp(f->words[i], text) == 0) {
			/* gcc and clang: an enum without negative values is an unsigned int. */
			memcpy(member(object, f), &i, sizeof(i));
			return 0;
		}
	}
	return refuse_word(f->words, text, err);
}

int field_policy(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	const char *names[POLICIES_MAX + 1] = { NULL };

	if (policy_find(text)) {
		snprintf(member(object, f), POLICY_NAME_SIZE, "%s", text);
		return 0;
	}
	for (size_t i = 0; policies[i] && i < POLICIES_MAX; i++)
		names[i] = policies[i]->name;
	return refuse_word(names, text, err);
}

int field_bool(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return reject(err, text, "expected %s", f->expected);
	*(bool *)member(object, f) = text[0] == 't';
	return 0;
}

int field_time(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	uint64_t ns = 0;
	int r = units_parse_time(text, &ns, err);

	if (r < 0)
		return r;
	if (ns < f->min || ns > f->max)
		return reject(err, text, "too %s; expected %s", ns < f->min ? "short" : "long", f->expected);
	*(uint64_t *)member(object, f) = ns;
	return 0;
}

/* Whole numbers of at most nine digits, without sign or leading zero. */
static int parse_whole(const struct field *f, const char *text, uint32_t *out, char err[UNITS_ERR_SIZE])
{
	size_t n = strspn(text, "0123456789");
	uint32_t value = 0;

	if (n == 0 || text[n] != '\0' || (n > 1 && text[0] == '0'))
		return reject(err, text, "not a whole number; expected %s", f->expected);
	for (size_t i = 0; i < n && i < 9; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	if (n > 9 || value > f->max)
		return reject(err, text, "too large; expected %s", f->expected);
	if (value < f->min)
		return reject(err, text, "too small; expected %s", f->expected);
	*out = value;
	return 0;
}

int field_count(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	return parse_whole(f, text, member(object, f), err);
}

int field_version(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE])
{
	if (strcmp(text, "1") != 0)
		return reject(err, text, "a version that this divvy does not read; expected %s", f->expected);
	*(uint64_t *)member(object, f) = SPEC_VERSION;
	return 0;
}
