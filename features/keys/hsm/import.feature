@K2
Feature: A given key is imported into the HSM
  From then on it is the HSM's. The service keeps a pointer and not the value.

  Background:
    Given the HSM group "Payments"
    And the application "billing" in "Payments"

  Scenario Outline: Each kind of key is imported
    When the application imports the <kind> key "given" into "Payments"
    Then the key "given" is a virtual key of "Payments"
    And the HSM holds a key with the label "given"

    Examples:
      | kind        |
      | AES 256     |
      | RSA 2048    |
      | EC NistP256 |
      | HMAC 256    |

  Scenario: An imported key signs as the original
    Given the application has imported the EC NistP256 key "given" into "Payments"
    When the application signs with "given"
    Then the signature verifies with the original's public key

  Scenario: The value is not kept
    When the application imports the AES 256 key "given" into "Payments"
    Then the value of "given" is nowhere in the service's database
    And the value of "given" cannot be exported

  Scenario: Something that is no key is refused
    When the application imports "not a key" as the RSA key "given" into "Payments"
    Then it is refused as invalid
    And the HSM holds 0 keys with the label "given"
