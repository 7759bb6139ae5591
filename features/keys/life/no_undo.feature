@K7
Feature: Changes of keys are final where the group does not want them undone
  Keeping the material of deleted keys is a decision of its own: a group that
  has not taken it keeps nothing.

  Scenario: Without such a policy there is no way back
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"
    When the administrator revokes "payroll" as superseded
    Then the key "payroll" is in state Deactivated
    And "payroll" has nothing to be undone
