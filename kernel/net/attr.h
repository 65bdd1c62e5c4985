/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reading netlink attributes by type. Absent or too short attributes read as the given default, so
 * that a kernel that says less than expected is not an error. Borrowed from the message throughout.
 */

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* libmnl's mnl_attr_for_each(), without its narrowing conversion. */
#define attr_for_each(a, first, end)                                                                \
	for ((a) = (first); mnl_attr_ok((a), (int)((const char *)(end) - (const char *)(a))); \
	     (a) = mnl_attr_next(a))
#define attr_for_each_nested(a, nest)                     \
	attr_for_each(a, mnl_attr_get_payload(nest), \
		      (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))

/* tb[0..max]: pointers by attribute type, NULL where absent. The last one of a type counts. */
static inline void attr_table(const struct nlmsghdr *nlh, size_t hdr_size, const struct nlattr **tb,
			      uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, sizeof(*tb) * (max + 1U));
	attr_for_each(a, mnl_nlmsg_get_payload_offset(nlh, hdr_size), mnl_nlmsg_get_payload_tail(nlh))
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

/* The same for a nest; all NULL if it is absent. */
static inline void attr_table_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, sizeof(*tb) * (max + 1U));
	if (!nest)
		return;
	attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

/* Copy what the attribute and the destination both have; payloads are aligned to 4 bytes only. */
static inline bool attr_copy(const struct nlattr *a, void *dst, size_t size)
{
	size_t have = a ? mnl_attr_get_payload_len(a) : 0;

	if (have)
		memcpy(dst, mnl_attr_get_payload(a), have < size ? have : size);
	return have >= size;
}

static inline uint32_t attr_u32(const struct nlattr *a, uint32_t absent)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : absent;
}

static inline uint64_t attr_u64(const struct nlattr *a, uint64_t absent)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint64_t) ? mnl_attr_get_u64(a) : absent;
}

static inline uint8_t attr_u8(const struct nlattr *a, uint8_t absent)
{
	return a && mnl_attr_get_payload_len(a) >= 1 ? mnl_attr_get_u8(a) : absent;
}

/* Always terminated; "" if absent; cut to size. */
static inline void attr_str(const struct nlattr *a, char *dst, size_t size)
{
	size_t n = a ? strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)) : 0;

	if (n > size - 1)
		n = size - 1;
	if (n)
		memcpy(dst, mnl_attr_get_payload(a), n);
	dst[n] = '\0';
}
