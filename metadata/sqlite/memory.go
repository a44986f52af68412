package sqlite

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void one_arena(void) { mallopt(M_ARENA_MAX, 1); }
static void trim(void) { malloc_trim(0); }
#else
static void one_arena(void) {}
static void trim(void) {}
#endif
*/
import "C"

// glibc gives threads arenas of their own, and keeps what SQLite frees in them: a store that had been busy stayed at twice
// the memory it needed. SQLite allocates under one mutex anyway, so one arena costs nothing.
func init() { C.one_arena() }

// releaseMemory returns memory that the C library holds unused to the system.
func releaseMemory() { C.trim() }
