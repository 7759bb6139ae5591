@K8
Feature: Applications use the keys of an HSM group
  What the HSM does must be what everybody else understands: results are
  checked outside the service, by other software.

  Background:
    Given the HSM group "Payments"
    And the application "billing" in "Payments"

  Scenario Outline: A signature verifies elsewhere
    Given the application has generated the <kind> key "signer" in "Payments"
    When the application signs with "signer" using <way>
    Then the signature verifies outside the service
    And the service verifies the signature too

    Examples:
      | kind        | way               |
      | RSA 2048    | PKCS#1 v1.5       |
      | RSA 2048    | PSS               |
      | EC NistP256 | ECDSA             |
      | EC NistP384 | ECDSA             |
      | EC Ed25519  | Ed25519           |

  Scenario Outline: What was encrypted is decrypted again
    Given the application has generated the <kind> key "lock" in "Payments"
    When the application encrypts something with "lock" using <mode>
    Then the application decrypts it again

    Examples:
      | kind    | mode |
      | AES 256 | GCM  |
      | AES 256 | CBC  |
      | AES 128 | CTR  |

  Scenario: What was encrypted with an imported key is decrypted elsewhere
    Given the application has imported the AES 256 key "lock" into "Payments"
    When the application encrypts something with "lock" using CBC
    Then it decrypts outside the service with the original

  Scenario: A changed ciphertext is refused without saying why
    Given the application has generated the AES 256 key "lock" in "Payments"
    And the application has encrypted something with "lock" using GCM
    When the application decrypts it with one bit changed
    Then the decryption is refused

  Scenario: A MAC is made and verified
    Given the application has generated the HMAC 256 key "stamp" in "Payments"
    When the application makes a MAC with "stamp"
    Then the service verifies the MAC
    And the service does not verify a changed MAC

  Scenario: A signature over something else does not verify
    Given the application has generated the EC NistP256 key "signer" in "Payments"
    When the application signs with "signer" using ECDSA
    Then the service does not verify the signature over something else

  Scenario: An administrator manages keys and does not use them
    Given the application has generated the EC NistP256 key "signer" in "Payments"
    When the administrator signs with "signer"
    Then it is denied

  Scenario: A synced key signs
    Given the HSM holds the RSA pair "tls"
    And "Payments" has been synced again
    When the application signs with "tls" using PKCS#1 v1.5
    Then the signature verifies outside the service
