/* Mutexes, atomic operations, and asserting in the models.

   A model takes one step at a time, in whatever order, and each step is seen by all at once: it
   knows sequential consistency only.  What the weaker orders of the library's atomics promise is
   argued where they stand, and seen to by ThreadSanitizer.

   SPDX-License-Identifier: Apache-2.0 */

#define LOCK(m) atomic { !m -> m = true }
#define UNLOCK(m) m = false
