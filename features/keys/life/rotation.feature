Feature: A rotated key makes way for a new one
  The new key takes the name, so that applications go on with it; the old one is
  kept under another name, so that nothing is lost that it has protected.

  @K6
  Scenario: A key in an HSM is rotated inside the HSM
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the AES 256 key "payroll" in "Payments"
    When the administrator rotates "payroll"
    Then another key "payroll" has taken the place of the former one
    And the former key "payroll" is named after the time of its rotation
    And the HSM holds 2 keys with the label "payroll"

  @K6
  Scenario: The new key in the HSM is the one that applications use
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the AES 256 key "payroll" in "Payments"
    And the administrator has rotated "payroll"
    When the application encrypts something with "payroll"
    Then the application decrypts it again

  @K6 @P2
  Scenario: The former key keeps its label in an HSM that is told of changes
    Given the HSM group "Payments" that applies changes
    And the application "billing" in "Payments"
    And the application has generated the AES 256 key "payroll" in "Payments"
    When the administrator rotates "payroll"
    Then another key "payroll" has taken the place of the former one
    And the HSM holds 2 keys with the label "payroll"

  @K7
  Scenario: What the former key has encrypted is not lost
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"
    And the application has encrypted something with "payroll" using CBC
    When the administrator rotates "payroll"
    Then another key "payroll" has taken the place of the former one
    And what the former key has encrypted decrypts with it

  @K7
  Scenario: The former key is deactivated if that is asked for
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"
    When the administrator rotates "payroll" and deactivates the former key
    Then the former key "payroll" is in state Deactivated

  @K7
  Scenario: A key makes way only once
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault"
    And the administrator has rotated "payroll"
    When the administrator rotates the former key "payroll"
    Then it is refused because the key is replaced already

  @K7
  Scenario: A key is rotated by its schedule
    Given the ordinary group "Vault"
    And the application "billing" in "Vault"
    And the application has generated the AES 256 key "payroll" in "Vault" that is rotated every month from a moment on
    When the application encrypts something with "payroll"
    Then another key "payroll" has taken the place of the former one a moment later

  @K6
  Scenario: A key in an HSM is rotated by its schedule
    Given the HSM group "Payments"
    And the application "billing" in "Payments"
    And the application has generated the AES 256 key "payroll" in "Payments" that is rotated every month from a moment on
    When the application encrypts something with "payroll"
    Then another key "payroll" has taken the place of the former one a moment later
    And the HSM holds 2 keys with the label "payroll"
