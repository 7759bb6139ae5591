@H4.3 @balanced
Feature: A gateway behind a load balancer is killed
  A machine loses its power, an operator ends the wrong process. Whoever uses
  keys through the load balancer must not notice: the other gateway does the work.

  Background:
    Given the HSM group "Payments" over a load balancer with two gateways, and the application "billing"

  Scenario: No use of a key fails
    Given the application uses keys of "Payments" all the time
    When one gateway is killed
    Then the load balancer sends everything to the other gateway
    And no use of a key has failed

  Scenario: It gets its share again when it is back
    Given the application uses keys of "Payments" all the time
    And one gateway was killed and the load balancer has noticed
    When that gateway is started again
    Then the load balancer sends requests to both gateways
    And no use of a key has failed

  Scenario: A key that was being made is reported if and only if it is there
    Given the application makes keys in "Payments" all the time
    When one gateway is killed
    Then the load balancer sends everything to the other gateway
    And each key whose making failed is refused plainly
    And the HSM holds the keys of "Payments" and no others
