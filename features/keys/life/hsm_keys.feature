@K4 @K5
Feature: The end of a virtual key is the service's matter
  The state of a key is known to the service alone. Only its destruction and
  deletion reach the HSM, and only where the group applies changes.

  Background:
    Given the HSM holds the AES key "payroll"

  Scenario: A deactivated virtual key leaves the HSM key as it is
    Given the HSM group "Payments", synced
    When the administrator revokes "payroll" as superseded
    Then the key "payroll" is in state Deactivated
    And the HSM key "payroll" may encrypt

  Scenario: A deactivated virtual key refuses to protect
    Given the HSM group "Payments", synced
    And the application "billing" in "Payments"
    And the administrator has revoked "payroll" as compromised
    When the application encrypts something with "payroll"
    Then it is refused because the key is deactivated

  Scenario: A destroyed virtual key leaves the HSM key by default
    Given the HSM group "Payments", synced
    When the administrator destroys the key "payroll"
    Then the destroyed key "payroll" is shown to who asks for such keys
    And the HSM holds 1 key with the label "payroll"

  Scenario: A destroyed virtual key takes the HSM key with it where changes are applied
    Given the HSM group "Payments" that applies changes, synced
    When the administrator destroys the key "payroll"
    Then the destroyed key "payroll" is shown to who asks for such keys
    And the HSM holds 0 keys with the label "payroll"

  Scenario: A deleted virtual key takes the HSM key with it where changes are applied
    Given the HSM group "Payments" that applies changes, synced
    When the administrator deletes the key "payroll"
    Then there is no key "payroll"
    And the HSM holds 0 keys with the label "payroll"
