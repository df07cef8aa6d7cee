#ifndef SOTTO_SRC_CRASH_H
#define SOTTO_SRC_CRASH_H
/* Named places where a test may kill us: SOTTO_CRASH=recv.before_commit:17
 * kills the process with SIGKILL the 17th time that place is reached. Only in
 * builds with -DCRASH_POINTS=ON; otherwise nothing is left of it. */
#ifdef SOTTO_CRASH_POINTS
void crash_point(const char *name);
#else
#define crash_point(name) ((void)0)
#endif
#endif
