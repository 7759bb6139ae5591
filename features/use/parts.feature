@K8
Feature: Applications encrypt long messages in parts
  What went in parts is the same message, however it is taken apart.

  Scenario Outline: A long message in an ordinary group
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "lock" in "Vault"
    When the application encrypts a long message in parts with "lock" using <mode>
    Then the long message is decrypted again, at once and in parts

    Examples:
      | mode |
      | CBC  |
      | CTR  |
      | GCM  |

  Scenario Outline: A long message in an HSM
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the AES 256 key "lock" in "Payments"
    When the application encrypts a long message in parts with "lock" using <mode>
    Then the long message is decrypted again, at once and in parts

    Examples:
      | mode |
      | CBC  |
      | CTR  |
