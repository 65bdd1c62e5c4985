/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reading netlink attributes by type. Absent or too short attributes read as the given default, so that a
 * kernel that says less than expected is not an error. Everything is borrowed from the message.
 *
 * libmnl can do this, too; but a dump of 1,000 classes has 20,000 attributes, and five calls into a
 * library for each were a third of our time for it.
 */

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t attr_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline const void *attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* Bytes of payload. */
static inline size_t attr_size(const struct nlattr *a)
{
	return a->nla_len - (size_t)NLA_HDRLEN;
}

/* Whether there is a whole attribute at a; left: bytes up to the end, perhaps below 0. */
static inline bool attr_is_whole(const struct nlattr *a, ptrdiff_t left)
{
	return left >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= left;
}

static inline const struct nlattr *attr_next(const struct nlattr *a)
{
	return (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
}

#define attr_for_each(a, first, end)                                                             \
	for ((a) = (first); attr_is_whole(a, (const char *)(end) - (const char *)(a)); \
	     (a) = attr_next(a))
#define attr_for_each_nested(a, nest) \
	attr_for_each(a, attr_data(nest), (const char *)(nest) + (nest)->nla_len)

/* The last one of a type counts. */
static inline void attr_fill(const struct nlattr *first, const void *end, const struct nlattr **tb,
			     uint16_t max)
{
	const struct nlattr *a;

	attr_for_each(a, first, end)
		if (attr_type(a) <= max)
			tb[attr_type(a)] = a;
}

/* tb[0..max]: pointers by attribute type, NULL where absent. */
static inline void attr_table(const struct nlmsghdr *nlh, size_t hdr_size, const struct nlattr **tb,
			      uint16_t max)
{
	const char *start = (const char *)nlh + NLMSG_HDRLEN + NLMSG_ALIGN(hdr_size);

	memset(tb, 0, sizeof(*tb) * (max + 1U));
	attr_fill((const void *)start, (const char *)nlh + nlh->nlmsg_len, tb, max);
}

/* The same for a nest; all NULL if it is absent. */
static inline void attr_table_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	memset(tb, 0, sizeof(*tb) * (max + 1U));
	if (nest)
		attr_fill(attr_data(nest), (const char *)nest + nest->nla_len, tb, max);
}

/* Copy what the attribute and the destination both have. Whether that fills the destination. */
static inline bool attr_copy(const struct nlattr *a, void *dst, size_t size)
{
	size_t have = a ? attr_size(a) : 0;

	if (have)
		memcpy(dst, attr_data(a), have < size ? have : size);
	return have >= size;
}

static inline uint32_t attr_u32(const struct nlattr *a, uint32_t absent)
{
	uint32_t v;

	return attr_copy(a, &v, sizeof(v)) ? v : absent;
}

static inline uint64_t attr_u64(const struct nlattr *a, uint64_t absent)
{
	uint64_t v; /* payloads are aligned to 4 bytes only */

	return attr_copy(a, &v, sizeof(v)) ? v : absent;
}

static inline uint8_t attr_u8(const struct nlattr *a, uint8_t absent)
{
	uint8_t v;

	return attr_copy(a, &v, sizeof(v)) ? v : absent;
}

/* Always terminated; "" if absent; cut to size. */
static inline void attr_str(const struct nlattr *a, char *dst, size_t size)
{
	size_t n = a ? strnlen(attr_data(a), attr_size(a)) : 0;

	if (n > size - 1)
		n = size - 1;
	if (n)
		memcpy(dst, attr_data(a), n);
	dst[n] = '\0';
}
