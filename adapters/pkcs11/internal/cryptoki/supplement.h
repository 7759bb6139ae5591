// The part of a PKCS#11 library that miekg/pkcs11 calls in a way that real
// libraries do not all survive, or too slowly: see supplement.go.
//
// The types are those of PKCS#11 v2.40 for Unix, where structures have the
// platform's own alignment. Only what is used here is declared.
#ifndef GATEHOUSE_SUPPLEMENT_H
#define GATEHOUSE_SUPPLEMENT_H

typedef unsigned long gh_ulong;
typedef unsigned char gh_byte;

typedef struct gh_library gh_library;

// Templates and requests for attributes come without pointers: n attributes,
// whose values follow each other in one block. On input lens holds the length,
// or for a request the capacity, of each; on output what the library told.
enum { GH_MAX_ATTRIBUTES = 40 };

// A mechanism without pointers of its own: p and q are what shape says.
typedef struct {
	gh_ulong type;
	int shape;
	gh_ulong a, b, c;
} gh_mechanism;

enum gh_shape {
	GH_PLAIN, // p is the parameter as it is (an IV), or there is none
	GH_CTR,   // p is the counter block of 16 bytes, a its counter bits
	GH_GCM,   // p is the IV, q the additional data, a the tag bits
	GH_CCM,   // p is the nonce, q the additional data, a the tag bytes, b the data length
	GH_OAEP,  // p is the label, a the hash, b the MGF
	GH_PSS,   // a is the hash, b the MGF, c the salt length
	GH_ECDH,  // p is the other side's public key; no key derivation function
	GH_DATA,  // p is the data to encrypt
	GH_CBC_DATA, // p is the data to encrypt, q the IV of 16 or 8 bytes
	GH_HKDF,  // p is the info, q the salt, a the hash
};

enum gh_kind { GH_SIGN, GH_VERIFY, GH_ENCRYPT, GH_DECRYPT };

// What a call returned, and how far it got.
typedef struct {
	gh_ulong rv;
	gh_ulong len;
	int begun; // the Init call was accepted
} gh_outcome;

gh_library *gh_open(const char *path, char *why, gh_ulong whylen);

gh_outcome gh_slots(const gh_library *l, int present, gh_ulong *out, gh_ulong cap);
gh_outcome gh_mechanisms(const gh_library *l, gh_ulong slot, gh_ulong *out, gh_ulong cap);
gh_ulong gh_login(const gh_library *l, gh_ulong session, gh_byte *pin, gh_ulong pinlen);

gh_ulong gh_find_init(const gh_library *l, gh_ulong session, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block);
gh_outcome gh_find(const gh_library *l, gh_ulong session, gh_ulong *out, gh_ulong cap);
gh_ulong gh_find_final(const gh_library *l, gh_ulong session);

gh_ulong gh_get(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, gh_ulong *lens, gh_byte *block);
gh_ulong gh_size(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong type, gh_ulong *len);
// gh_same reads attributes and compares them with what is expected of them; begun tells that all agree.
enum { GH_MAX_PROOF = 2048 };
gh_outcome gh_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, const gh_byte *block);
// gh_destroy_same and gh_set_same change an object of which gh_same holds, with nothing in between.
gh_outcome gh_destroy_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, const gh_ulong *lens,
	const gh_byte *block);
gh_outcome gh_set_same(const gh_library *l, gh_ulong session, gh_ulong object, gh_ulong n, const gh_ulong *types, const gh_ulong *lens,
	const gh_byte *block, gh_ulong newn, const gh_ulong *newtypes, const gh_ulong *newlens, gh_byte *newblock);
gh_outcome gh_create(const gh_library *l, gh_ulong session, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block);

gh_outcome gh_run(const gh_library *l, int kind, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *in, gh_ulong inlen, gh_byte *out, gh_ulong cap);
// The key functions: keys come and go by handle, templates as above.
gh_outcome gh_wrap(const gh_library *l, gh_ulong session, gh_ulong key, gh_ulong subject, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *out, gh_ulong cap);
gh_outcome gh_unwrap(const gh_library *l, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_byte *in, gh_ulong inlen, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block);
gh_outcome gh_derive(const gh_library *l, gh_ulong session, gh_ulong key, gh_mechanism m, gh_byte *p, gh_ulong plen,
	gh_byte *q, gh_ulong qlen, gh_ulong n, const gh_ulong *types, const gh_ulong *lens, gh_byte *block);

// An operation of a batch. Its p, q and input follow each other in the batch's block of input, from where
// those of the one before end; its output, or the signature to verify, is in the block of output.
typedef struct {
	int kind;
	gh_ulong key;
	gh_mechanism m;
	gh_ulong plen, qlen, inlen, room;
	gh_outcome told;
} gh_task;

// A question whether gh_same holds of an object. What is expected follows in the batch's block of values.
enum { GH_MAX_ASKED = 8 };
typedef struct {
	gh_ulong object, n;
	gh_ulong types[GH_MAX_ASKED], lens[GH_MAX_ASKED];
	int same;
} gh_question;

// gh_run_all runs operations one after the other in one session, until one fails, and returns how many were done.
// Then it asks the questions.
gh_ulong gh_run_all(const gh_library *l, gh_ulong session, gh_ulong n, gh_task *tasks, gh_byte *in, gh_byte *out,
	gh_ulong asked, gh_question *questions, const gh_byte *values);

gh_outcome gh_again(const gh_library *l, int kind, gh_ulong session, gh_byte *in, gh_ulong inlen, gh_byte *out, gh_ulong cap);

#endif
