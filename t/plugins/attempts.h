/*
 * attempts.h - what attempts.c, the hostile plugin, and targets.c, its victim, know
 * of each other.
 */

/* A signal each, so that the victim can tell who sent it. */
#define SIGNALS(X) X(40, "signal-victim") X(41, "signal-group") X(42, "signal-queued") \
	X(43, "signal-pidfd") X(44, "signal-thread") X(45, "signal-by-pipe")
#define SIGNAL_FIRST 40
#define SIGNAL_LAST 45

#define SECRET_LENGTH 24           /* "hunter2-" and 16 hex digits */
#define VICTIM_FD 20               /* where the victim holds a secret file open */
#define METADATA "169.254.169.254" /* where a cloud tells its machines their keys */
