@K1 @K3
Feature: A key is generated inside the HSM
  Its material never exists anywhere else. It appears as a virtual key at once,
  with the permissions that were asked for, here and in the HSM.

  Background:
    Given the HSM group "Payments"
    And the application "billing" in "Payments"

  Scenario Outline: Each kind of key is made in the HSM
    When the application generates the <kind> key "fresh" in "Payments"
    Then the key "fresh" is a virtual key of "Payments"
    And the HSM holds a key with the label "fresh"

    Examples:
      | kind          |
      | AES 256       |
      | AES 128       |
      | RSA 2048      |
      | EC NistP256   |
      | EC NistP384   |
      | HMAC 256      |

  Scenario: Permissions are set on the HSM key
    When the application generates the AES 256 key "lock" in "Payments" that may only encrypt
    Then the HSM key "lock" may encrypt
    And the HSM key "lock" may not decrypt

  Scenario: A permission that was not given is refused
    Given the application has generated the AES 256 key "lock" in "Payments" that may only encrypt
    When the application decrypts something with "lock"
    Then it is denied

  Scenario: A name that is taken is refused and nothing is made
    Given the application has generated the AES 256 key "fresh" in "Payments"
    When the application generates the AES 256 key "fresh" in "Payments"
    Then it is refused because the key exists already
    And the HSM holds 1 key with the label "fresh"

  Scenario: A size that is not possible is refused and nothing is made
    When the application generates the AES 255 key "odd" in "Payments"
    Then it is refused as invalid
    And the HSM holds 0 keys with the label "odd"
