/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The live page: page.html with page.css and page.js in it, as one document. */

#include "text.h"

/* Letters, digits; as long in each page. */
#define PAGE_NONCE_SIZE 33

/*
 * Appends the page. nonce: what its style and its script are marked with, and the Content-Security-Policy header, too:
 * nothing else on the page is obeyed.
 */
void page_write(const char nonce[PAGE_NONCE_SIZE], struct text *to);
