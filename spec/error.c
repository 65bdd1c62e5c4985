/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int spec_refuse(struct spec_error *err, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	err->line = line;
	err->column = column;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int spec_no_memory(struct spec_error *err)
{
	spec_refuse(err, 0, 0, "out of memory");
	return -ENOMEM;
}
