@P4.1
Feature: A group that takes in all keys imports what others make in the slot
  The estate that grew without the service comes under its management, and
  goes on doing so.

  Scenario: A key that somebody made is imported
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments"
    When the administrator syncs "Payments"
    Then 1 new key is reported
    And "Payments" has the key "payroll"

  Scenario: So is one that is made later
    Given the HSM group "Payments", synced
    And the HSM holds the AES key "late"
    When the administrator syncs "Payments"
    Then 1 new key is reported

  Scenario: A key whose virtual key was deleted is imported anew
    Given the HSM holds the AES key "payroll"
    And the HSM group "Payments", synced
    And the administrator has deleted the key "payroll"
    When the administrator syncs "Payments"
    Then 1 new key is reported
