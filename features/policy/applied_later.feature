@P2
Feature: The policy of applying changes covers keys that were taken in before it
  An administrator who turns the policy on means all keys of the group, not only
  those that come later.

  Scenario: A key that was taken in before the policy was set follows it too
    Given the HSM holds the AES key "old"
    And the HSM group "Payments", synced
    And "Payments" now applies changes
    When the administrator takes the permission to encrypt from "old"
    Then the HSM key "old" may not encrypt
