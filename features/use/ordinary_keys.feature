@K8 @K7
Feature: Applications use the keys of an ordinary group
  The same calls, the same answers as for keys in an HSM.

  Background:
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"

  Scenario Outline: A signature verifies elsewhere
    Given the application has generated the <kind> key "signer" in "Vault"
    When the application signs with "signer" using <way>
    Then the signature verifies outside the service
    And the service verifies the signature too

    Examples:
      | kind        | way         |
      | RSA 2048    | PKCS#1 v1.5 |
      | RSA 2048    | PSS         |
      | EC NistP256 | ECDSA       |
      | EC NistP384 | ECDSA       |
      | EC NistP521 | ECDSA       |
      | EC Ed25519  | Ed25519     |

  Scenario Outline: What was encrypted is decrypted again
    Given the application has generated the <kind> key "lock" in "Vault"
    When the application encrypts something with "lock" using <mode>
    Then the application decrypts it again

    Examples:
      | kind     | mode |
      | AES 256  | GCM  |
      | AES 256  | CBC  |
      | AES 128  | CTR  |
      | DES3 168 | CBC  |
      | RSA 2048 | OAEP |

  Scenario: What was encrypted with an imported key is decrypted elsewhere
    Given the application has imported the AES 256 key "lock" into "Vault"
    When the application encrypts something with "lock" using CBC
    Then it decrypts outside the service with the original

  Scenario: What was encrypted with an imported RSA key is decrypted elsewhere
    Given the application has imported the RSA 2048 key "lock" into "Vault"
    When the application encrypts something with "lock" using OAEP
    Then it decrypts outside the service with the original

  Scenario: A changed ciphertext is refused without saying why
    Given the application has generated the AES 256 key "lock" in "Vault"
    And the application has encrypted something with "lock" using GCM
    When the application decrypts it with one bit changed
    Then the decryption is refused

  Scenario: A MAC is made and verified
    Given the application has generated the HMAC 256 key "stamp" in "Vault"
    When the application makes a MAC with "stamp"
    Then the service verifies the MAC
    And the service does not verify a changed MAC

  Scenario: A digest is that of everybody else
    When the application asks for the SHA-256 digest of something
    Then the digest is the same as elsewhere

  Scenario: Random bytes are as many as asked for
    When the application asks for 32 random bytes twice
    Then both are 32 bytes long and different
